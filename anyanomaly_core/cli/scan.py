"""``anyanomaly scan``: the main job in this process, without Airflow."""

import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tqdm import tqdm

from anyanomaly_core import __version__
from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.archive.scan import ScanResult, scan
from anyanomaly_core.archive.scorer import load_scorer
from anyanomaly_core.config import Settings
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.spending import Meter


def scan_archive(engine: Engine, settings: Settings, rules: Path) -> dict[str, Any]:
    """Apply the rules of a folder, register new footage, score what is missing.

    Returns:
        Counts of files, videos, events and rows; ``failed``: reason by file.
    """
    applied = [item.rule for item in apply_rule_files(engine, rules, author=getpass.getuser())]
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
    counts: dict[str, Any] = {"files": _register(engine, settings), "videos": 0, "events": 0, "failed": {}}
    profiles: dict[str, list[StoredRule]] = {}
    for rule in applied:
        if rule.state == "active":
            profiles.setdefault(rule.definition.profile or settings.profile, []).append(rule)
    for name, group in profiles.items():
        result = _scan(engine, settings, run_id, group, name)
        for key, count in result.counts.items():
            counts[key] = counts.get(key, 0) + count
        counts["failed"] |= result.failures
    with engine.begin() as connection:
        outcome = "failed" if counts["failed"] else "success"
        scorer_store.finish_run(connection, run_id, outcome, counts)
    return counts


def _register(engine: Engine, settings: Settings) -> int:
    """Register what is new; returns how many files that were."""
    sampling = load_profile(settings.profile).sampling
    new = find_new_files(engine, settings)
    for found in tqdm(new, desc="ingest", unit="file", disable=None):
        result = register_file(engine, found, settings=settings, sampling=sampling)
        if result.reason:
            tqdm.write(f"{result.uri}: {result.outcome.value}: {result.reason}", file=sys.stderr)
    return len(new)


def _scan(engine: Engine, settings: Settings, run_id: int, rules: list[StoredRule], profile: str) -> ScanResult:
    started = datetime.now(UTC)
    scorer = load_scorer(engine, load_profile(profile), settings)
    meter = Meter(engine, run_id, scorer.stored.scorer_id, started, patience_s=settings.database_patience_s)
    meter.started()
    with engine.connect() as connection:
        work = missing_work(connection, rules, scorer.stored.scorer_id, FootageSelection())
    with tqdm(total=len(work), desc=profile, unit="video", disable=None) as videos:
        return scan(
            engine, work, scorer, settings=settings, meter=meter, progress=lambda video: _advance(videos, video)
        )


def _advance(videos: "tqdm[Any]", video: StoredVideo) -> Callable[[int, int], None]:
    """A bar of the video's segments below that of the videos."""
    bar: tqdm[Any] = tqdm(desc=video.uri, unit="segment", leave=False, disable=None)

    def advance(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()
            videos.update()

    return advance
