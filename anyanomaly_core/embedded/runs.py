"""Start a DAG run and follow it to its end, showing how far it is."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyanomaly_core.embedded.airflow_api import AirflowApi, AirflowError

Say = Callable[[str], None]
_POLL_S = 1.0
_PROGRESS_LOGGER = "anyanomaly_core.engine.progress"
_STILL_THERE_S = 20.0  # a sign of life while nothing changes
_ASSET_TIMEOUT_S = 120.0
_DONE = ("success", "failed", "skipped", "upstream_failed", "removed")


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run ended."""

    dag_id: str
    run_id: str
    state: str  # success or failed
    seconds: float
    instances: tuple[dict[str, Any], ...]  # as Airflow's REST API describes task instances

    def failed(self) -> list[dict[str, Any]]:
        """The task instances that failed themselves."""
        return [instance for instance in self.instances if instance["state"] == "failed"]


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """Why a task instance failed."""

    task: str
    name: str  # of the instance, as a person reads it
    error: str  # type of the exception; empty: there was none, the process was killed
    reason: str


def task_failures(api: AirflowApi, run: FinishedRun) -> list[TaskFailure]:
    """The exceptions that ended the failed task instances of a run."""
    return [_failure(api, run, instance) for instance in run.failed()]


def _failure(api: AirflowApi, run: FinishedRun, instance: dict[str, Any]) -> TaskFailure:
    name = instance.get("rendered_map_index") or instance["task_id"]
    entries = api.log_entries(run.dag_id, run.run_id, instance)
    raised = [entry["error_detail"] for entry in entries if entry.get("error_detail")]
    if not raised:
        reason = f"it ended without an error of its own: killed, for want of memory? Its log stands in {api.address}"
        return TaskFailure(instance["task_id"], name, "", reason)
    cause = raised[-1][0]  # an exception and what it was raised from, the last one first
    return TaskFailure(instance["task_id"], name, str(cause.get("exc_type", "")), str(cause.get("exc_value", "")))


def follow(api: AirflowApi, dag_id: str, run_id: str, *, timeout_s: float, say: Say = print) -> FinishedRun:
    """Say every change of a run's tasks until it ends.

    Raises:
        AirflowError: when it has not ended within ``timeout_s``; it goes on all the same.
    """
    started = time.monotonic()
    last_line, last_said = "", started
    while True:
        state = api.run_state(dag_id, run_id)
        instances = api.task_instances(dag_id, run_id)
        line = _describe(instances)
        now = time.monotonic()
        if line and (line != last_line or now - last_said > _STILL_THERE_S):
            say(f"  {now - started:5.0f} s  {line}")
            for running in _progress_of_running(api, dag_id, run_id, instances):
                say(f"           {running}")
            last_line, last_said = line, now
        if state in ("success", "failed"):
            return FinishedRun(dag_id, run_id, state, now - started, tuple(instances))
        if now - started > timeout_s:
            raise AirflowError(f"The run {run_id} of {dag_id} has not ended after {timeout_s:.0f} s: {line or state}.")
        time.sleep(_POLL_S)


def run_started_by(api: AirflowApi, dag_id: str, run_id: str, wanted: str) -> str:
    """Wait for the run of the DAG ``wanted`` that an asset of this run starts, and return its id.

    A run of an earlier, interrupted command goes on first: the DAG has one run at a time. Its time does not count.
    """
    deadline = time.monotonic() + _ASSET_TIMEOUT_S
    while time.monotonic() < deadline:
        if api.active_runs(wanted):
            deadline = time.monotonic() + _ASSET_TIMEOUT_S
        for started_dag, started_run in api.runs_started_by(dag_id, run_id):
            if started_dag == wanted:
                return started_run
        time.sleep(_POLL_S)
    raise AirflowError(
        f"The run {run_id} of {dag_id} has started no run of {wanted}; is that DAG paused in Airflow's page?"
    )


def _progress_of_running(api: AirflowApi, dag_id: str, run_id: str, instances: list[dict[str, Any]]) -> list[str]:
    """How far the mapped tasks are that run now: the newest line of progress in the log of each."""
    found = []
    for instance in instances:
        if instance["state"] == "running" and instance["map_index"] >= 0:
            entries = api.log_entries(dag_id, run_id, instance)
            told = [str(entry["event"]) for entry in entries if entry.get("logger") == _PROGRESS_LOGGER]
            found += told[-1:]
    return found


def _describe(instances: list[dict[str, Any]]) -> str:
    """One line: each task with its state, mapped tasks with how many are done."""
    parts = []
    for task_id in sorted({instance["task_id"] for instance in instances}, key=lambda name: _order(instances, name)):
        states = Counter(i["state"] or "waiting" for i in instances if i["task_id"] == task_id)
        total = states.total()
        if total == 1:
            parts.append(f"{task_id}: {next(iter(states))}")
        else:
            done = sum(states[state] for state in _DONE)
            failed = f", {states['failed']} failed" if states["failed"] else ""
            parts.append(f"{task_id}: {done}/{total} done{failed}, {states['running']} running")
    return "  |  ".join(parts) if any(instance["state"] for instance in instances) else ""


def _order(instances: list[dict[str, Any]], task_id: str) -> tuple[str, str]:
    starts = [i["start_date"] for i in instances if i["task_id"] == task_id and i["start_date"]]
    return (min(starts, default="9999"), task_id)
