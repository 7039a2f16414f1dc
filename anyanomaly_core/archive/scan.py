"""The scan loop: units of work, one after the other, within a budget, each committed before the next begins."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from anyanomaly_core.archive.rates import Rates, load_rates, segments_of
from anyanomaly_core.archive.scorer import ArchiveScorer
from anyanomaly_core.archive.unit import UnitOutcome, scan_unit
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import PartsProgress, Progress
from anyanomaly_core.errors import FootageError
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.spending import Meter, Spending, spending_of
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.rules.alerts import load_alerts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a run stops; None: nowhere."""

    gpu_hours: float | None = None
    segments: int | None = None

    @property
    def unlimited(self) -> bool:
        """Whether there is nothing to stop at."""
        return self.gpu_hours is None and self.segments is None

    def allows(self, spent: Spending, segments: int, seconds: float) -> bool:
        """Whether so many more segments, which take about so many seconds, are within the budget."""
        if self.segments is not None and spent.segments + segments > self.segments:
            return False
        return self.gpu_hours is None or spent.seconds + seconds <= self.gpu_hours * 3600

    def allows_unit(self, spent: Spending, unit: Unit, profile: Profile, rates: Rates | None) -> bool:
        """Whether a unit fits into what is left; its time counts as soon as rates are known."""
        texts = [len(rule.definition.texts) for rule in unit.rules]
        seconds = 0.0 if rates is None else sum(rates.seconds(unit.video, profile, count) for count in texts)
        return self.allows(spent, len(texts) * segments_of(unit.video, profile), seconds)


@dataclass(slots=True)
class ScanResult:
    """What the units of a scan came to."""

    counts: Counter[str] = field(default_factory=Counter)  # videos, events, rows by status
    failures: dict[str, str] = field(default_factory=dict)  # uri -> why no segment of the video has a score
    left: list[StoredVideo] = field(default_factory=list)  # for want of budget

    def add(self, unit: Unit, outcome: UnitOutcome | None) -> None:
        """Count a unit; ``None``: another worker had done it."""
        if outcome is None:
            self.counts["videos_done_before"] += 1
            return
        self.counts.update({f"rows_{status.value}": count for status, count in outcome.segments.items()})
        self.counts.update({"events": outcome.events, "videos": int(outcome.failure is None)})
        if outcome.failure is not None:
            self.failures[unit.video.uri] = outcome.failure
            log.error("%s: %s", unit.video.uri, outcome.failure)

    def raise_failures(self) -> None:
        """Raise FootageError that names every video that failed as a whole, if one did."""
        if self.failures:
            listed = "; ".join(f"{uri}: {reason}" for uri, reason in self.failures.items())
            videos = self.counts["videos"] + self.counts["videos_done_before"] + len(self.failures)
            raise FootageError(f"{len(self.failures)} of {videos} videos could not be scored: {listed}")


def scan(
    engine: Engine,
    work: Sequence[Unit],
    scorer: ArchiveScorer,
    *,
    settings: Settings,
    meter: Meter,
    progress: Callable[[StoredVideo], Progress],
    budget: Budget = Budget(),
    committed: Callable[[], None] = lambda: None,
) -> ScanResult:
    """Score units and commit each; every scan and backfill, in Airflow or not, is this loop.

    Before each unit the budget is looked at. Several workers of a run share it: each may go over it by the unit it is
    at. A video that fails keeps no other from being scored. While the database is away, the loop waits for it.

    Args:
        engine: with the writer's rights.
        work: the units, in order.
        scorer: with its models.
        settings: of the installation.
        meter: keeps the run's account.
        progress: that of a video.
        budget: where to stop.
        committed: called after each commit; it must not wait for anything.

    Raises:
        ConfigurationError: when the file of alerts is wrong; then nothing was scored.
        ModelError: when a model breaks as a whole.
        StorageError: when results cannot be written, or the database stays away.
    """
    result = ScanResult()
    alerts = load_alerts(settings.alerts).targets
    rates: Rates | None = None
    for place, unit in enumerate(work):
        if not budget.unlimited:
            spent = with_database_retry(engine, settings.database_patience_s, lambda: _spent(engine, meter))
            if rates is None and budget.gpu_hours is not None:
                rates = with_database_retry(engine, settings.database_patience_s, lambda: _rates(engine, scorer))
            if not budget.allows_unit(spent, unit, scorer.profile, rates):
                result.left += [left.video for left in work[place:]]
                break
        outcome = scan_unit(
            engine,
            unit,
            scorer,
            settings=settings,
            run_id=meter.run_id,
            progress=progress(unit.video),
            alerts=alerts,
        )
        if outcome is not None:
            committed()
            meter.record_video(outcome.rows, len(unit.rules), outcome.work_s)
        result.add(unit, outcome)
    return result


def segment_progress(
    videos: Sequence[StoredVideo], profile: Profile, whole: Progress
) -> Callable[[StoredVideo], Progress]:
    """The segments of all videos, scored one after the other, as one progress."""
    parts = PartsProgress(sum(segments_of(video, profile) for video in videos), whole)
    return lambda video: parts.next_part(segments_of(video, profile))


def _spent(engine: Engine, meter: Meter) -> Spending:
    with engine.connect() as connection:
        return spending_of(connection, meter.run_id)


def _rates(engine: Engine, scorer: ArchiveScorer) -> Rates | None:
    with engine.connect() as connection:
        return load_rates(connection, scorer.stored.scorer_id)
