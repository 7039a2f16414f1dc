"""Score one rule over stored footage, within a budget that you set.

Trigger it with the form. `quote` says first what it will take: segments, calls of the language model, GPU hours, from
what the same models took before. Choose **Dry run** to see only that. Then camera-days are scored in the pool
`backfill`, so that nightly scans keep theirs; what is done can be queried at once.

| You want to | Do this |
|---|---|
| stop it | mark the run as failed; finished videos stay, a started one is taken up again |
| go on | clear the run, all its tasks, or trigger it anew with the same form: only what is missing is scored |
| see what remains | the log of `summarize`, or a dry run |
| a run for each day of footage | `airflow backfill create`, see docs/backfill.md |

A run that stops at its budget is green; `summarize` says what remains. A red `score_days` task names the videos that
could not be scored; the others of its days are.
"""

from typing import Any

from airflow.sdk import DAG, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.alerts import airflow_connection
from tasks.wiring.defaults import BACKFILL_POOL, DEFAULT_ARGS, MOST_TASKS, OUTAGES, SCAN_QUEUE, map_name
from tasks.wiring.failure_mail import failure_mail
from tasks.wiring.news import announce
from tasks.wiring.timetable import DaysOfFootage

with DAG(
    dag_id="backfill_rule",
    dag_display_name="Backfill rule",
    doc_md=__doc__,
    schedule=DaysOfFootage(),  # what is new each night is `scan_archive`'s
    max_active_runs=4,
    max_active_tasks=MOST_TASKS,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "backfill"],
    params={
        "rule": forms.rule_field("Its name; the current version is scored."),
        "cameras": forms.cameras_field(none="all of the rule"),
        "from": forms.first_day_field(),
        "to": forms.last_day_field(),
        "newest_first": forms.switch_field("Newest first", "Begin with the newest day and go back in time."),
        "gpu_hours": forms.number_field(
            "Budget in GPU hours",
            "Stop when tasks of this run have held their slots so long, start included; empty: no limit.",
            exclusiveMinimum=0,
        ),
        "segments": forms.number_field(
            "Budget in segments",
            "Stop before more segments than this are scored; empty: no limit.",
            whole=True,
            minimum=1,
        ),
        "recall": forms.number_field(
            "Certified: share to be found",
            "Stop once this share of what the model would find is found, such as 0.95; empty: score everything. "
            "See docs/certificates.md.",
            exclusiveMinimum=0,
            exclusiveMaximum=1,
        ),
        "confidence": forms.number_field(
            "Certified: confidence", "How sure that is to be.", default=0.95, exclusiveMinimum=0, exclusiveMaximum=1
        ),
        "level": forms.choice_field("Certified: what is counted", "Events or segments.", ("events", "segments")),
        "dry_run": forms.switch_field(
            "Dry run", "Only the quote, with and without cascade; untick it to have the footage scored.", on=True
        ),
    },
):

    @task
    def quote() -> dict[str, Any]:
        """Say what is missing and what scoring it will take, before anything is scored."""
        from tasks.backfill import quote_backfill

        context = get_current_context()
        return quote_backfill(forms.filled_in(context), day=context["dag_run"].partition_key)

    @task
    def plan(quoted: dict[str, Any]) -> list[dict[str, Any]]:
        """Divide what is missing into camera-days, in the order asked for and as far as the budget reaches."""
        from tasks.backfill import plan_backfill

        context = get_current_context()
        return plan_backfill(
            forms.filled_in(context),
            quoted,
            day=context["dag_run"].partition_key,
            external_id=context["run_id"],
        )

    @task(
        execution_timeout=None,
        pool=BACKFILL_POOL,
        queue=SCAN_QUEUE,
        retries=OUTAGES,
        priority_weight=1,
        weight_rule="absolute",  # behind nightly scans where both wait for a worker
        map_index_template=map_name("work['name']"),
        doc_md="""Score what a camera lacks of a day and commit video by video, until the budget is used up.

The models are loaded once for the whole day. Work that an interrupted try had finished is taken over.""",
    )
    def score_days(work: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.backfill import score_days

        return score_days(work, started_at=get_current_context()["ti"].start_date, connections=airflow_connection)

    @task(trigger_rule="all_done", retries=0)
    def summarize(
        quoted: dict[str, Any] | None, units: list[dict[str, Any]] | None, results: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        """Say what was scored, what it took against the quote, and what remains; fails when a task failed."""
        from tasks.backfill import summarize_backfill

        context = get_current_context()
        return summarize_backfill(
            forms.filled_in(context), quoted, units, list(results or ()), day=context["dag_run"].partition_key
        )

    quoted = quote()
    planned = plan(quoted)  # type: ignore[arg-type]  # Airflow hands over the result
    scored = score_days.expand(work=planned)
    announce(planned, scored) >> summarize(quoted, planned, scored)  # type: ignore[arg-type]
