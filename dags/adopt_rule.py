"""Make a rule that somebody wrote on the page *Rules* the current version.

The page starts this. It has noted the draft before, with its author; only who may write rules gets that far, so that
nobody makes a version of a rule by filling in this form. A draft can be adopted as long as the version is in force that
its author saw. Where only threshold, duration, hours or cameras change, events are found anew at once; other words are
scored from the next `scan_archive` on, or by `backfill_rule`.
"""

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from tasks.wiring.defaults import DEFAULT_ARGS
from tasks.wiring.failure_mail import failure_mail

with DAG(
    dag_id="adopt_rule",
    dag_display_name="Adopt a rule",
    doc_md=__doc__,
    schedule=None,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "by hand"],
    params={
        "draft": Param(
            type="string", minLength=1, title="Draft", description="Its number, which the page Rules has given it."
        ),
    },
):

    @task
    def adopt() -> dict[str, Any]:
        """Make it a version of its rule, and find the events of scores that serve it already."""
        from tasks.rule_drafts import adopt_rule

        return adopt_rule(get_current_context()["params"]["draft"])

    adopt()
