"""Activate, pause or retire a rule.

The page *Rules* of the review starts this; the form here does the same. Nothing is scored and nothing is forgotten: an
active rule is scored from the next `scan_archive` on, a paused one is not, a retired one is no longer offered either.
A state set here stays until somebody sets another, or the rule's file says another `active`.
"""

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS
from tasks.wiring.failure_mail import failure_mail

with DAG(
    dag_id="change_rule_state",
    dag_display_name="Change a rule's state",
    doc_md=__doc__,
    schedule=None,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "by hand"],
    params={
        "rule": forms.rule_field("Its name."),
        "state": Param(
            type="string",
            enum=["active", "paused", "retired"],
            title="State",
            description="active: scored from the next scan on; paused: not scored; retired: no longer offered.",
        ),
    },
):

    @task
    def change_state() -> dict[str, Any]:
        """Set the state, and say what it was."""
        from tasks.rule_state import change_rule_state

        context = get_current_context()
        params = context["params"]
        by = getattr(context["dag_run"], "triggering_user_name", None) or "somebody"
        return change_rule_state(params["rule"], params["state"], by=by)

    change_state()
