"""The main job on a running installation: apply the rules, ingest through Airflow, let the scan follow by itself."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.archive.names import write_names
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.embedded import runs, services
from anyanomaly_core.embedded.airflow_api import AirflowApi, AirflowError
from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.results.engine import make_engine

Say = Callable[[str], None]
DAY_S = 24 * 3600.0
DAGS = ["ingest_archive", "scan_archive"]


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """What the two runs did."""

    ingest: runs.FinishedRun
    scan: runs.FinishedRun
    units: int  # units of work that the scan mapped; 0: nothing was missing
    failures: tuple[runs.TaskFailure, ...] = ()  # of tasks; what became of each video stands in the ledger

    @property
    def seconds(self) -> float:
        """Seconds that both runs took together."""
        return self.ingest.seconds + self.scan.seconds


@contextlib.contextmanager
def running_services(installation: Installation, *, say: Say = print) -> Iterator[AirflowApi]:
    """The installation's services; afterwards they are stopped, unless they ran before."""
    ran_before = services.is_up(installation)
    try:
        yield services.up(installation, say=say)
    finally:
        if not ran_before:
            services.down(installation, say=lambda _: None)


def apply(installation: Installation, folder: Path, *, author: str = "make", say: Say = print) -> None:
    """Read the rule files and make new rule versions of what changed."""
    engine = make_engine(installation.postgres.url("anyanomaly", "scanner"))
    try:
        applied = apply_rule_files(engine, folder, author=author)
        write_names(engine, installation.folder / "state")
    finally:
        engine.dispose()
    for item in applied:
        version = f"version {item.rule.version}"
        words = {"none": "unchanged", "kept": f"file unchanged; {version} was adopted since and stays"}
        made = words.get(item.change, f"{item.change}, {version}")
        say(f"  {item.rule.name}: {', '.join(item.rule.definition.texts)} ({made})")


def ingest_and_scan(installation: Installation, api: AirflowApi, *, say: Say = print) -> PipelineResult:
    """Trigger ``ingest_archive``, follow it, then follow the run of ``scan_archive`` that its asset starts."""
    services.wait_for_dags(api, DAGS, since=services.started_at(installation))
    if paused := [name for name in DAGS if (api.dag(name) or {}).get("is_paused")]:
        raise AirflowError(
            f"Paused in Airflow's page ({api.address}/dags): {' and '.join(paused)}. Switch them on first."
        )
    say(f"ingest_archive  ({api.address}/dags/ingest_archive)")
    run_id = api.trigger("ingest_archive", {})
    ingested = runs.follow(api, "ingest_archive", run_id, timeout_s=DAY_S, say=say)
    say(f"  ingest_archive: {ingested.state} after {ingested.seconds:.0f} s")
    started = time.monotonic()
    scan_id = runs.run_started_by(api, "ingest_archive", run_id, "scan_archive")
    waited = time.monotonic() - started
    say(f"scan_archive, started by the asset after {waited:.0f} s  ({api.address}/dags/scan_archive)")
    scanned = runs.follow(api, "scan_archive", scan_id, timeout_s=30 * DAY_S, say=say)
    say(f"  scan_archive: {scanned.state} after {scanned.seconds:.0f} s")
    units = sum(i["task_id"] == "scan_unit" and i["map_index"] >= 0 for i in scanned.instances)
    failures = [*runs.task_failures(api, ingested), *runs.task_failures(api, scanned)]
    return PipelineResult(ingested, scanned, units, tuple(failures))
