"""Try a draft of a rule on a moment of footage, or rehearse it on a sample that is scored for it. Stores no score.

The page *Rules* starts this and shows the outcome: curve, pictures and the model's words, or the events that the draft
would find, lose and move. The models of its profile are loaded for it, in a slot of the pool `gpu`.
"""

from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS, GPU_POOL, SCAN_QUEUE
from tasks.wiring.failure_mail import failure_mail

with DAG(
    dag_id="try_rule",
    dag_display_name="Try a rule",
    doc_md=__doc__,
    schedule=None,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "by hand"],
    params={
        "draft": Param(
            None,
            type=["null", "object"],
            title="Draft",
            description='The rule as its file would state it, such as {"name": "falls", "texts": ["a person falls"]}.',
        ),
        "camera": Param(None, type=["null", "string"], title="Camera", description="Of the moment; id or pattern."),
        "moment": Param(
            None,
            type=["null", "string"],
            title="Moment",
            description="On the camera's clock, such as 2026-11-28 03:12:40; empty: a sample of the footage.",
        ),
        "videos": Param(
            20,
            type=["null", "integer"],
            minimum=1,
            maximum=1000,
            title="Videos",
            description="Size of the sample, spread over the footage of the rule's cameras; empty: 20.",
        ),
    },
):

    @task(
        execution_timeout=None,
        pool=GPU_POOL,
        queue=SCAN_QUEUE,
        retries=0,
        priority_weight=100,
        weight_rule="absolute",  # before nightly scans where both wait for a slot: somebody is waiting
    )
    def try_draft() -> dict[str, Any]:
        """Score the draft and say what it scored where."""
        from tasks.rule_drafts import try_rule

        form = forms.filled_in(get_current_context())
        return try_rule(form["draft"], camera=form["camera"], moment=form["moment"], videos=form["videos"])

    try_draft()
