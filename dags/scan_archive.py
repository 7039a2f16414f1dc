"""Score every active rule over all footage that it has not seen.

Starts when `ingest_archive` is done and every night, and by hand with a narrower choice. Only what is missing is
scored: a segment that this version of a rule and this scorer have already judged is never judged again. Results can be
queried as soon as their task is done.

| What you see | What it means |
|---|---|
| a `scan_unit` task failed | its video could not be decoded or a model did not answer; no other unit is affected |
| the run failed | at least one unit failed; the log of `summarize` lists them |
| all `scan_unit` tasks skipped | nothing was missing |

The reason of a failure stands in the task's log and, for each segment, in the view `coverage`. Clear a task to try
again.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.alerts import airflow_connection
from tasks.wiring.defaults import DEFAULT_ARGS, FOOTAGE, GPU_POOL, MOST_TASKS, OUTAGES, SCAN_QUEUE, map_name
from tasks.wiring.failure_mail import failure_mail
from tasks.wiring.news import announce

# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
NIGHTLY = CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))

with DAG(
    dag_id="scan_archive",
    dag_display_name="Scan archive",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=NIGHTLY, assets=[FOOTAGE]),
    catchup=False,  # one run scores everything that earlier nights missed
    max_active_runs=1,  # a second one would plan the same units again
    max_active_tasks=MOST_TASKS,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "nightly"],
    params={
        "rules": forms.rules_field(),
        "cameras": forms.cameras_field(),
        "from": forms.first_day_field(),
        "to": forms.last_day_field(),
        "profile": forms.profile_field("Models and parameters for rules that name none; empty: the installation's."),
        "limit": forms.number_field(
            "At most so many units of work",
            "The rest is left to the next run, which the summary says; empty: no limit.",
            whole=True,
            minimum=1,
        ),
    },
):

    @task
    def plan_units() -> list[dict[str, Any]]:
        """Compare rules and footage with what was already scored, and pack what is missing into units of work."""
        from tasks.scan import plan_units

        context = get_current_context()
        form = forms.filled_in(context)
        return plan_units(
            rules=form["rules"],
            cameras=form["cameras"],
            first_day=form["from"],
            last_day=form["to"],
            profile=form["profile"],
            limit=form["limit"],
            external_id=context["run_id"],
        )

    @task(
        execution_timeout=None,
        pool=GPU_POOL,
        queue=SCAN_QUEUE,
        retries=OUTAGES,
        map_index_template=map_name("unit['name']"),
        doc_md="""Decode the videos of one unit once, score them for all its rules, and commit scores and events.

The models are loaded once for the whole unit. Work that an interrupted try had finished is taken over.""",
    )
    def scan_unit(unit: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.scan import scan_unit

        return scan_unit(unit, started_at=get_current_context()["ti"].start_date, connections=airflow_connection)

    @task(trigger_rule="all_done", retries=0)
    def summarize(units: list[dict[str, Any]] | None, results: list[dict[str, Any]] | None) -> dict[str, Any]:
        """Say what was scored, skipped and failed; fails when a unit failed, so that the run is red."""
        from tasks.scan import summarize_scan

        return summarize_scan(units=units, results=list(results or ()))

    planned = plan_units()
    scanned = scan_unit.expand(unit=planned)
    announce(planned, scanned) >> summarize(planned, scanned)  # type: ignore[arg-type]  # Airflow hands over the results
