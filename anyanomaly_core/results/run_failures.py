"""Why tasks of a run failed: in ``scan_runs.summary`` under ``failures``, by the task's name.

The ledger knows why a video has no score. What keeps a task from beginning, such as a model that cannot be loaded,
stands in no ledger, and Airflow's logs go sooner than results.
"""

from sqlalchemy import Connection, text

_LONGEST = 1000  # characters of a reason; the whole of it stands in the task's log

_NOTE = text("""
UPDATE scan_runs SET summary = summary || jsonb_build_object(
    'failures', coalesce(summary -> 'failures', '{}') || jsonb_build_object(CAST(:task AS text), CAST(:reason AS text)))
WHERE run_id = :run""")
_CLEAR = text("""
UPDATE scan_runs SET summary = summary #- ARRAY['failures', CAST(:task AS text)]
WHERE run_id = :run AND summary -> 'failures' ? CAST(:task AS text)""")
_READ = text("SELECT coalesce(summary -> 'failures', '{}') FROM scan_runs WHERE run_id = :run")


def store_failure(connection: Connection, run_id: int, task: str, reason: str) -> None:
    """Keep why a task failed, in place of what an earlier try had left."""
    connection.execute(_NOTE, {"run": run_id, "task": task, "reason": reason.replace("\x00", "")[:_LONGEST]})


def clear_failure(connection: Connection, run_id: int, task: str) -> None:
    """Forget why a task failed: a later try succeeded."""
    connection.execute(_CLEAR, {"run": run_id, "task": task})


def failures_of_run(connection: Connection, run_id: int) -> dict[str, str]:
    """Task -> why it failed, of the tasks that did."""
    return dict(connection.execute(_READ, {"run": run_id}).scalar_one())
