"""Find new footage, look inside it, and make it known to the scans.

Runs every night, and by hand whenever footage has arrived. Nothing is written to the footage itself, and a second run
over the same archive changes nothing. When it is done, `scan_archive` starts by itself.

| What you see | What it means |
|---|---|
| a `register_files` task failed | its files could not be written to the database; clear the task to try again |
| `summarize` counts files as *unusable* | no camera or time is stated, or no frame decodes; the reason is beside it |
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from tasks.wiring import forms
from tasks.wiring.defaults import DEFAULT_ARGS, FOOTAGE, MOST_TASKS, map_name
from tasks.wiring.failure_mail import failure_mail

# A new installation waits for its first turn: Airflow would make up for one in the last tenth of the time between two.
NIGHTLY = CronTriggerTimetable("0 1 * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))

with DAG(
    dag_id="ingest_archive",
    dag_display_name="Ingest archive",
    doc_md=__doc__,
    schedule=NIGHTLY,
    catchup=False,  # one run finds everything that earlier nights missed
    max_active_runs=1,
    max_active_tasks=MOST_TASKS,
    default_args=DEFAULT_ARGS,
    on_failure_callback=failure_mail(),
    tags=["anyanomaly", "nightly"],
    params={
        "cameras": forms.cameras_field(),
        "rescan": forms.switch_field(
            "Look again at known files",
            "Read files again although size and time of change are as before, for instance after a repair.",
        ),
    },
):

    @task(execution_timeout=None)
    def discover_files() -> list[dict[str, Any]]:
        """List the archive and divide what is new or changed into chunks; each chunk becomes one mapped task."""
        from tasks.ingest import discover_files

        form = forms.filled_in(get_current_context())
        return discover_files(cameras=form["cameras"], rescan=form["rescan"])

    @task(
        execution_timeout=None,
        map_index_template=map_name("chunk['name']"),
        doc_md="""Hash, probe and index the files of one chunk, and write cameras, videos and segments to the database.

A file that cannot be used is written too, with the reason.""",  # Airflow takes no docstring for a mapped task
    )
    def register_files(chunk: dict[str, Any]) -> dict[str, Any]:  # noqa: D103
        from tasks.ingest import register_files

        return register_files(chunk)

    @task(trigger_rule="all_done", outlets=[FOOTAGE])
    def announce(results: list[dict[str, Any]] | None) -> None:
        """Tell the scans what footage there is, even when a chunk failed: the others must not wait for it."""
        from tasks.announce import arrived_footage

        get_current_context()["outlet_events"][FOOTAGE].extra = arrived_footage(results or ())

    @task(trigger_rule="all_done", retries=0)
    def summarize(chunks: list[dict[str, Any]] | None, results: list[dict[str, Any]] | None) -> dict[str, Any]:
        """Say what was found, what is new and what is unusable and why; fails when a chunk failed."""
        from tasks.ingest import summarize_ingest

        return summarize_ingest(chunks=chunks, results=list(results or ()))

    found = discover_files()
    registered = register_files.expand(chunk=found)
    announce(registered) >> summarize(found, registered)  # type: ignore[arg-type]  # Airflow hands over the results
