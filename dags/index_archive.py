"""Put new footage into the index that `anyanomaly search` asks, even if no rule wants it.

Starts when `ingest_archive` is done and every night, and by hand with a narrower choice. Each new video is decoded
once; the encoder sees a frame of every segment in which something happens, and windows of it. Only what is missing is
indexed, and what was seen through another privacy mask than today's is indexed again.

| What you see | What it means |
|---|---|
| an `index_part` task failed | a video of it could not be decoded to its end; it is in the index as far as it can |
| all `index_part` tasks skipped | nothing was missing |
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS, FOOTAGE, GPU_POOL, MOST_TASKS, OUTAGES, SCAN_QUEUE, map_name
from tasks.wiring.failure_mail import failure_mail

# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
NIGHTLY = CronTriggerTimetable("0 4 * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))

with DAG(
    dag_id="index_archive",
    dag_display_name="Index archive",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=NIGHTLY, assets=[FOOTAGE]),
    catchup=False,  # one run indexes everything that earlier nights missed
    max_active_runs=1,  # a second one would plan the same videos again
    max_active_tasks=MOST_TASKS,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "nightly"],
    params={
        "cameras": forms.cameras_field(),
        "from": forms.first_day_field(),
        "to": forms.last_day_field(),
        "profile": forms.profile_field("Whose encoder; empty: the installation's."),
    },
):

    @task
    def plan_index() -> list[dict[str, Any]]:
        """Compare the footage with the index, and pack what is missing into parts."""
        from tasks.index import plan_index

        context = get_current_context()
        form = forms.filled_in(context)
        return plan_index(
            cameras=form["cameras"],
            first_day=form["from"],
            last_day=form["to"],
            profile=form["profile"],
            external_id=context["run_id"],
        )

    @task(
        execution_timeout=None,
        pool=GPU_POOL,
        queue=SCAN_QUEUE,
        retries=OUTAGES,
        map_index_template=map_name("part['name']"),
        doc_md="Decode the videos of one part, encode what happens in them, and commit the vectors of each.",
    )
    def index_part(part: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.index import index_part

        return index_part(part)

    @task(trigger_rule="all_done", retries=0)
    def summarize(parts: list[dict[str, Any]] | None, results: list[dict[str, Any]] | None) -> dict[str, Any]:
        """Say what was indexed; fails when a part failed, so that the run is red."""
        from tasks.index import summarize_index

        return summarize_index(parts, list(results or ()))

    planned = plan_index()
    summarize(planned, index_part.expand(part=planned))  # type: ignore[arg-type]  # Airflow hands over the results
