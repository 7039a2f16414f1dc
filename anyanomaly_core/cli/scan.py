"""``anyanomaly scan``: the main job in this process, without Airflow."""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tqdm import tqdm

from anyanomaly_core import __version__
from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.archive.unit import LoadedScorer, load_scorer, scan_video
from anyanomaly_core.config import Settings
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.planning import Unit, missing_units
from anyanomaly_core.results.rule_store import StoredRule


@dataclass(frozen=True, slots=True)
class _Job:
    engine: Engine
    settings: Settings
    run_id: int
    counts: dict[str, Any]


def run(engine: Engine, settings: Settings, rules: Path) -> dict[str, Any]:
    """Apply the rules of a folder, register new footage, score what is missing.

    Returns:
        Counts of files, videos and events; ``failed``: reason by file.
    """
    applied = [item.rule for item in apply_rule_files(engine, rules, author=getpass.getuser())]
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
    job = _Job(engine, settings, run_id, {"files": 0, "videos": 0, "events": 0, "failed": {}})
    _register(job)
    profiles: dict[str, list[StoredRule]] = {}
    for rule in applied:
        if rule.state == "active":
            profiles.setdefault(rule.definition.profile or settings.profile, []).append(rule)
    for name, group in profiles.items():
        _scan(job, group, name)
    with engine.begin() as connection:
        outcome = "failed" if job.counts["failed"] else "success"
        scorer_store.finish_run(connection, run_id, outcome, job.counts)
    return job.counts


def _register(job: _Job) -> None:
    settings = job.settings
    sampling = load_profile(settings.profile).sampling
    for found in tqdm(find_new_files(job.engine, settings), desc="ingest", unit="file", disable=None):
        result = register_file(
            job.engine,
            found,
            settings=settings,
            sampling=sampling,
        )
        job.counts["files"] += 1
        if result.reason:
            tqdm.write(f"{result.uri}: {result.outcome.value}: {result.reason}", file=sys.stderr)


def _scan(job: _Job, rules: list[StoredRule], profile: str) -> None:
    loaded = load_scorer(job.engine, load_profile(profile), job.settings)
    with job.engine.connect() as connection:
        missing = missing_units(connection, rules, loaded.stored.scorer_id)
    for unit in tqdm(missing, desc=profile, unit="video", disable=None):
        with tqdm(desc=unit.video.uri, unit="segment", leave=False, disable=None) as bar:
            _scan_video(job, unit, loaded, _advance(bar))


def _scan_video(job: _Job, unit: Unit, loaded: LoadedScorer, progress: Callable[[int, int], None]) -> None:
    scanned = scan_video(
        job.engine,
        unit.video,
        unit.rules,
        loaded,
        settings=job.settings,
        limits=Limits.of(job.settings),
        run_id=job.run_id,
        progress=progress,
    )
    if scanned is None:
        return
    job.counts["videos"] += 1
    job.counts["events"] += scanned.events
    if scanned.failure is not None:
        job.counts["failed"][unit.video.uri] = scanned.failure


def _advance(bar: "tqdm[Any]") -> Callable[[int, int], None]:
    def to(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return to
