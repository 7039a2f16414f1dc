"""Maintenance of the archive's results: what is past its retention, and what nothing needs any more.

Every step says first what it would remove; it removes only when asked to, and may be stopped at any moment.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from anyanomaly_core import __version__
from anyanomaly_core.archive.leftovers import find_leftovers, remove_leftover
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.results import retention, scorer_store
from anyanomaly_core.results.orphans import Leftover
from anyanomaly_core.results.unit_journal import forgotten_batches, remove_batches

log = logging.getLogger(__name__)

NAMED = 200  # files and videos named in a report; the counts are of all


@dataclass(slots=True)
class MaintenanceReport:
    """What maintenance removed, or would remove."""

    applied: bool
    videos: list[str] = field(default_factory=list)  # file, camera and since when due
    held: list[str] = field(default_factory=list)  # due, but under legal hold
    partitions: dict[str, str] = field(default_factory=dict)  # name -> dropped, or rows deleted
    files: list[Leftover] = field(default_factory=list)
    journal_batches: int = 0  # in the database

    def counts(self) -> dict[str, int]:
        """Videos, held ones, partitions, and files and bytes by kind."""
        kinds = Counter(file.kind for file in self.files)
        sizes: Counter[str] = Counter()
        for file in self.files:
            sizes[file.kind] += file.size
        by_kind = {f"{kind}_files": kinds[kind] for kind in sorted(kinds)}
        by_kind |= {f"{kind}_bytes": sizes[kind] for kind in sorted(kinds)}
        return {"videos": len(self.videos), "held": len(self.held), "partitions": len(self.partitions), **by_kind}

    def rows(self) -> list[tuple[str, str, int, str]]:
        """(kind, what, bytes, why) of everything, for a table."""
        found = [("results", name, 0, "past its camera's retention") for name in self.videos]
        found += [("kept", name, 0, "past its retention, but an event is under legal hold") for name in self.held]
        found += [("scores", name, 0, how) for name, how in self.partitions.items()]
        if self.journal_batches:
            found.append(("journal", f"{self.journal_batches} batches in the database", 0, "its unit is over"))
        return found + [(file.kind, str(file.path), file.size, file.why) for file in self.files]

    def to_json(self) -> dict[str, Any]:
        """Counts, and the first of everything by name."""
        return {"applied": self.applied, "counts": self.counts(), "named": [list(row) for row in self.rows()[:NAMED]]}


def maintain(
    engine: Engine, settings: Settings, *, apply: bool = False, min_age_s: float = 86400.0
) -> MaintenanceReport:
    """Remove what is past its retention and what nothing needs; without ``apply`` only say what would go.

    Nothing of a video with an event under legal hold expires. Footage is never touched.

    Args:
        engine: of a user with the writer's rights.
        settings: say where files lie.
        apply: remove it.
        min_age_s: an unfinished file that was changed more recently may still be written to, and stays.

    Raises:
        StorageError: when the database refuses. What was removed by then stays removed; run it again.
    """
    report = MaintenanceReport(apply)
    expiring = _expire(engine, report)
    _clear_scores(engine, report)
    for found in find_leftovers(engine, settings, min_age_s=min_age_s, expiring=expiring):
        if not apply or remove_leftover(engine, settings, found):
            report.files.append(found)
    _clear_journal(engine, report)
    for kind, what, size, why in report.rows():
        log.info("%s %s (%d bytes): %s", kind, what, size, why)
    log.info("%s: %s", "removed" if apply else "would be removed", report.counts())
    if apply and len(report.rows()) > len(report.held):
        _note(engine, report)
    return report


def _expire(engine: Engine, report: MaintenanceReport) -> list[int]:
    """Expire due videos; returns those that were not, because nothing is applied."""
    with engine.connect() as connection:
        due = retention.due_videos(connection)
    progress, waiting = LoggedProgress("expiry", "videos"), []
    for number, video in enumerate(due):
        progress(number, len(due))
        name = f"{video.uri} ({video.camera}, due since {video.due_at:%Y-%m-%d})"
        if video.held:
            report.held.append(name)
        elif not report.applied:
            report.videos.append(name)
            waiting.append(video.video_id)
        elif retention.expire(engine, video):
            report.videos.append(name)
        else:
            report.held.append(name)  # held meanwhile, or kept longer: either way it stays
    return waiting


def _clear_scores(engine: Engine, report: MaintenanceReport) -> None:
    with engine.connect() as connection:
        left = retention.expired_scores(connection, as_if_expired=not report.applied)
    for scores in left:
        if report.applied:
            report.partitions[scores.partition] = retention.remove_scores(engine, scores)
        else:
            report.partitions[scores.partition] = "would be dropped" if scores.whole else "rows would be deleted"


def _clear_journal(engine: Engine, report: MaintenanceReport) -> None:
    with engine.begin() as connection:
        batches = forgotten_batches(connection)
        if report.applied:
            remove_batches(connection, batches)
    report.journal_batches = len(batches)


def _note(engine: Engine, report: MaintenanceReport) -> None:
    """What was removed stays on record, as counts, beside the runs that wrote it."""
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "maintenance", code_version=__version__)
        scorer_store.finish_run(connection, run_id, "success", report.counts())
