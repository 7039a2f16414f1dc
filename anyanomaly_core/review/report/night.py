"""The facts of a night: events, gaps, failures, cost, and what to look at first. Page and CSV show them.

The night of a day is the 24 hours that end at its noon, on the clock of the installation.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, text

from anyanomaly_core.config import Settings
from anyanomaly_core.footage.masks import load_masks
from anyanomaly_core.review.report.queries import (
    CAMERAS,
    COST,
    COVERAGE,
    FAILED,
    FOOTAGE,
    HITS,
    LATE,
    NEWEST,
    PROBLEMS,
    RUNS,
)
from anyanomaly_core.rules.alerts import load_alerts
from anyanomaly_core.rules.cameras import unknown_patterns

# A pause between recordings is a gap from twice the length of the camera's usual file on, within these bounds: a camera
# that writes hours may pause for minutes, one that writes half minutes may not.
MIN_GAP_S, MAX_GAP_S = 10.0, 300.0
MAX_TOP_EVENTS = 12  # to look at first
_MAX_ALIKE = 3  # of them, of one rule on one camera: a branch in the wind must not hide the rest
_MAX_AGE = timedelta(days=1)  # of the newest footage; otherwise something is wrong with the cameras or the ingest


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of the night in which a camera recorded nothing."""

    camera: str
    zone: str
    begin: datetime
    end: datetime
    dated_by_change: bool = False  # as some of the footage around it

    @property
    def length_s(self) -> float:
        """Seconds."""
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True)
class CameraNight:
    """A camera's night: its footage in order, and how much was found in it."""

    camera: str
    name: str
    zone: str
    footage: tuple[RowMapping, ...]  # begin, end, state
    gaps: tuple[Gap, ...]
    hits: int
    shortest_gap_s: float  # shorter pauses are not listed


@dataclass(frozen=True, slots=True)
class MorningReport:
    """Everything that a report says."""

    night: date
    zone: str
    begin: datetime  # aware, UTC
    end: datetime
    created_at: datetime
    warnings: tuple[str, ...]
    hits: Sequence[RowMapping]  # highest peak first
    top_events: Sequence[RowMapping]  # of them, those to look at first
    late_hits: int  # in older footage that was scored in this night
    cameras: tuple[CameraNight, ...]
    problems: Sequence[RowMapping]
    failed: Sequence[RowMapping]
    coverage: Sequence[RowMapping]
    cost: Sequence[RowMapping]
    runs: Sequence[RowMapping]
    review_url: str | None = None  # where browsers find the review pages

    def link(self, event_id: object) -> str | None:
        """An event's page."""
        return None if self.review_url is None else f"{self.review_url.rstrip('/')}/event/{event_id}?verdict=any"

    @property
    def gaps(self) -> list[Gap]:
        """Gaps of all cameras, longest first."""
        return sorted((gap for camera in self.cameras for gap in camera.gaps), key=lambda gap: -gap.length_s)

    @property
    def headline(self) -> str:
        """One line for a subject or a terminal."""
        scored = self.scored_share
        seen = "no footage" if scored is None else f"{100 * scored:.0f} % of the footage scored"
        parts = [_count(len(self.hits), "hit"), seen, _count(len(self.gaps), "gap"), _count(self.failures, "failure")]
        return f"Night to {self.night}: {', '.join(parts)}"

    @property
    def notices(self) -> list[str]:
        """What must be said of the scores, if anything."""
        return sorted({notice for row in (*self.hits, *self.cost) if (notice := row["notice"])})

    @property
    def has_times_of_change(self) -> bool:
        """Whether some footage has no stated time, so that its file's last change counts."""
        return any(part["dated_by_change"] for camera in self.cameras for part in camera.footage)

    @property
    def failures(self) -> int:
        """Files that could not be used, and videos that could not be scored completely for some rule."""
        return len(self.problems) + len(self.failed)

    @property
    def scored_share(self) -> float | None:
        """Share of what active rules have to score that has a score, in seconds; None when they have nothing."""
        total = sum(row["seconds"] for row in self.coverage if row["state"] != "no_footage")
        good = sum(row["seconds"] for row in self.coverage if row["state"] in {"scored", "carried", "pruned"})
        return good / total if total else None


def night_bounds(night: date, zone: str) -> tuple[datetime, datetime]:
    """Begin and end in UTC: 24 hours, 23 or 25 where clocks change."""
    noon = time(12, tzinfo=ZoneInfo(zone))
    begin, end = (datetime.combine(day, noon).astimezone(UTC) for day in (night - timedelta(days=1), night))
    return begin, end


def newest_night(engine: Engine, settings: Settings) -> date:
    """The night of the newest footage; today's when there is none yet."""
    zone = ZoneInfo(settings.time_zone)
    with engine.connect() as connection:
        newest = connection.execute(text(NEWEST)).scalar_one()
    moment = (newest or datetime.now(UTC)).astimezone(zone)
    return (moment + timedelta(hours=12)).date()


def load_report(engine: Engine, settings: Settings, night: date, *, now: datetime | None = None) -> MorningReport:
    """Load the facts of a night. Reading is enough.

    Raises:
        ConfigurationError: the file of privacy masks or of alerts is wrong.
    """
    begin, end = night_bounds(night, settings.time_zone)
    created_at = now or datetime.now(UTC)
    bounds = {"begin": begin, "end": end}
    with engine.connect().execution_options(postgresql_readonly=True) as connection:

        def rows(query: str) -> Sequence[RowMapping]:
            return connection.execute(text(query), bounds).mappings().all()

        hits = rows(HITS)
        newest = connection.execute(text(NEWEST)).scalar_one()
        cameras = _cameras(connection, bounds, hits, newest)
        return MorningReport(
            night=night,
            zone=settings.time_zone,
            begin=begin,
            end=end,
            created_at=created_at,
            warnings=tuple(_warnings(settings, cameras, newest, created_at)),
            hits=hits,
            top_events=choose_top_events(hits),
            late_hits=int(connection.execute(text(LATE), bounds).scalar_one()),
            cameras=cameras,
            problems=rows(PROBLEMS),
            failed=rows(FAILED),
            coverage=rows(COVERAGE),
            cost=rows(COST),
            runs=rows(RUNS),
            review_url=settings.review_url or load_alerts(settings.alerts).review_url,
        )


def choose_top_events(hits: Sequence[RowMapping]) -> list[RowMapping]:
    """The first of these hits that nobody judged yet, few of a kind, and twelve at most."""
    chosen: list[RowMapping] = []
    alike: Counter[tuple[str, str]] = Counter()
    for hit in hits:
        kind = hit["rule"], hit["camera"]
        if hit["verdict"] is None and alike[kind] < _MAX_ALIKE and len(chosen) < MAX_TOP_EVENTS:
            alike[kind] += 1
            chosen.append(hit)
    return chosen


def gaps_between(
    recorded: Sequence[tuple[datetime, datetime]], begin: datetime, end: datetime, shortest_s: float
) -> list[tuple[datetime, datetime]]:
    """Spans of begin..end, ``shortest_s`` or longer, that none of the given ones (ordered by start) cover."""
    found, reached = [], begin
    for start, stop in [*recorded, (end, end)]:
        if (min(start, end) - reached).total_seconds() >= shortest_s:
            found.append((reached, min(start, end)))
        reached = max(reached, stop)
    return found


def shortest_gap_s(recorded: Sequence[tuple[datetime, datetime]]) -> float:
    """Length from which a pause between these recordings is a gap, in seconds."""
    lengths = [(end - begin).total_seconds() for begin, end in recorded]
    return min(max(2 * median(lengths), MIN_GAP_S), MAX_GAP_S) if lengths else MAX_GAP_S


def _cameras(
    connection: Connection, bounds: dict[str, Any], hits: Sequence[RowMapping], newest: datetime | None
) -> tuple[CameraNight, ...]:
    """Cameras with footage in this night, and those that had some in the week before."""
    footage: dict[str, list[RowMapping]] = {}
    for row in connection.execute(text(FOOTAGE), bounds).mappings():
        footage.setdefault(row["camera"], []).append(row)
    found = Counter(hit["camera"] for hit in hits)
    # Nobody knows yet what was recorded after the newest footage: that is no gap.
    until = min(bounds["end"], max(newest or bounds["begin"], bounds["begin"]))
    nights = []
    for row in connection.execute(text(CAMERAS), bounds).mappings():
        own = footage.get(row["camera_id"], [])
        stretches = [(part["begin"], part["end"]) for part in own]
        shortest = shortest_gap_s(stretches)
        spans = gaps_between(stretches, bounds["begin"], until, shortest)
        by_change = any(part["dated_by_change"] for part in own)
        gaps = tuple(Gap(row["camera_id"], row["time_zone"], *span, by_change) for span in spans)
        name, zone = row["name"], row["time_zone"]
        nights.append(CameraNight(row["camera_id"], name, zone, tuple(own), gaps, found[row["camera_id"]], shortest))
    return tuple(nights)


def _warnings(settings: Settings, cameras: Sequence[CameraNight], newest: datetime | None, now: datetime) -> list[str]:
    warnings = []
    if newest is None:
        warnings.append("No footage is known yet. Run ingest_archive, or `anyanomaly scan FOLDER --rules FOLDER`.")
    elif now - newest > _MAX_AGE:
        days = (now - newest) / timedelta(days=1)
        warnings.append(
            f"The newest footage is {days:.0f} days old. Do the cameras record, and does ingest_archive run?"
        )
    silent = [camera.name for camera in cameras if not camera.footage]
    if silent:
        warnings.append(f"Silent all night, though they recorded in the week before: {', '.join(silent)}.")
    known = [camera.camera for camera in cameras]
    unused = unknown_patterns(load_masks(settings.privacy_masks).cameras, known)
    if unused and known:
        warnings.append(
            f"Privacy masks for {', '.join(unused)} fit no camera that recorded. A misspelt name masks nothing."
        )
    return warnings


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
