"""What a night brought: hits, gaps, failures, cost, and what to look at first. Facts only; pages and CSV show them.

The night of a day are the 24 hours that end at its noon, on the clock of the installation: what was recorded since
yesterday's noon is what one wants to know of in the morning.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
from anyanomaly_core.rules.cameras import unmatched

GAP_S = 300.0  # shorter pauses between recordings are not listed
MOST_FIRST = 12  # events to look at first
_MOST_ALIKE = 3  # of them, of one rule on one camera: a branch in the wind must not hide the rest
_OLD = timedelta(days=1)  # without newer footage something is wrong with the cameras or the ingest


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the night in which a camera recorded nothing."""

    camera: str
    zone: str
    begin: datetime
    end: datetime

    @property
    def length_s(self) -> float:
        """Seconds."""
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True)
class CameraNight:
    """A camera's night: stretches of footage in order, and what was found in it."""

    camera: str
    name: str
    zone: str
    footage: tuple[RowMapping, ...]  # begin, end, state
    gaps: tuple[Gap, ...]
    hits: int


@dataclass(frozen=True, slots=True)
class MorningReport:
    """Everything that a report says."""

    night: date
    zone: str
    begin: datetime  # aware, UTC
    end: datetime
    made_at: datetime
    warnings: tuple[str, ...]
    hits: Sequence[RowMapping]  # highest peak first
    first: Sequence[RowMapping]  # of them, those to look at first
    late: int  # events in older footage that was scored in this night
    cameras: tuple[CameraNight, ...]
    problems: Sequence[RowMapping]
    failed: Sequence[RowMapping]
    coverage: Sequence[RowMapping]
    cost: Sequence[RowMapping]
    runs: Sequence[RowMapping]

    @property
    def gaps(self) -> list[Gap]:
        """Of all cameras, longest first."""
        return sorted((gap for camera in self.cameras for gap in camera.gaps), key=lambda gap: -gap.length_s)

    @property
    def headline(self) -> str:
        """One line for a subject or a terminal."""
        scored = self.scored_share
        seen = "no footage" if scored is None else f"{100 * scored:.0f} % of the footage scored"
        parts = [_count(len(self.hits), "hit"), seen, _count(len(self.gaps), "gap"), _count(self.failures, "failure")]
        return f"Night to {self.night}: {', '.join(parts)}"

    @property
    def failures(self) -> int:
        """Files that could not be used, and videos that could not be scored wholly for some rule."""
        return len(self.problems) + len(self.failed)

    @property
    def scored_share(self) -> float | None:
        """Of the seconds that some active rule is to look at; None when there are none."""
        total = sum(row["seconds"] for row in self.coverage)
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


def make_report(engine: Engine, settings: Settings, night: date, *, now: datetime | None = None) -> MorningReport:
    """Gather the facts of a night; reading is enough.

    Raises:
        ConfigurationError: the file of privacy masks is wrong.
    """
    begin, end = night_bounds(night, settings.time_zone)
    made_at = now or datetime.now(UTC)
    asked = {"begin": begin, "end": end}
    with engine.connect().execution_options(postgresql_readonly=True) as connection:

        def ask(query: str) -> Sequence[RowMapping]:
            return connection.execute(text(query), asked).mappings().all()

        hits = ask(HITS)
        newest = connection.execute(text(NEWEST)).scalar_one()
        cameras = _cameras(connection, asked, hits, newest)
        return MorningReport(
            night=night,
            zone=settings.time_zone,
            begin=begin,
            end=end,
            made_at=made_at,
            warnings=tuple(_warnings(settings, cameras, newest, made_at)),
            hits=hits,
            first=first_to_look_at(hits),
            late=int(connection.execute(text(LATE), asked).scalar_one()),
            cameras=cameras,
            problems=ask(PROBLEMS),
            failed=ask(FAILED),
            coverage=ask(COVERAGE),
            cost=ask(COST),
            runs=ask(RUNS),
        )


def first_to_look_at(hits: Sequence[RowMapping]) -> list[RowMapping]:
    """Of hits in order, those that nobody judged yet, few of a kind, as many as a person looks at over a coffee."""
    chosen: list[RowMapping] = []
    alike: Counter[tuple[str, str]] = Counter()
    for hit in hits:
        kind = hit["rule"], hit["camera"]
        if hit["verdict"] is None and alike[kind] < _MOST_ALIKE and len(chosen) < MOST_FIRST:
            alike[kind] += 1
            chosen.append(hit)
    return chosen


def gaps_between(
    stretches: Sequence[tuple[datetime, datetime]], begin: datetime, end: datetime, shortest_s: float = GAP_S
) -> list[tuple[datetime, datetime]]:
    """Stretches of begin..end, ``shortest_s`` or longer, that none of the given ones (ordered by start) cover."""
    found, reached = [], begin
    for start, stop in [*stretches, (end, end)]:
        if (min(start, end) - reached).total_seconds() >= shortest_s:
            found.append((reached, min(start, end)))
        reached = max(reached, stop)
    return found


def _cameras(
    connection: Connection, asked: dict[str, Any], hits: Sequence[RowMapping], newest: datetime | None
) -> tuple[CameraNight, ...]:
    """Cameras with footage in this night, and those that had some in the week before."""
    footage: dict[str, list[RowMapping]] = {}
    for row in connection.execute(text(FOOTAGE), asked).mappings():
        footage.setdefault(row["camera"], []).append(row)
    found = Counter(hit["camera"] for hit in hits)
    # Nobody knows yet what was recorded after the newest footage: that is no gap.
    until = min(asked["end"], max(newest or asked["begin"], asked["begin"]))
    nights = []
    for row in connection.execute(text(CAMERAS), asked).mappings():
        own = footage.get(row["camera_id"], [])
        spans = gaps_between([(part["begin"], part["end"]) for part in own], asked["begin"], until)
        gaps = tuple(Gap(row["camera_id"], row["time_zone"], *span) for span in spans)
        name, zone = row["name"], row["time_zone"]
        nights.append(CameraNight(row["camera_id"], name, zone, tuple(own), gaps, found[row["camera_id"]]))
    return tuple(nights)


def _warnings(settings: Settings, cameras: Sequence[CameraNight], newest: datetime | None, now: datetime) -> list[str]:
    said = []
    if newest is None:
        said.append("No footage is known yet. Run ingest_archive, or `anyanomaly scan FOLDER --rules FOLDER`.")
    elif now - newest > _OLD:
        days = (now - newest) / timedelta(days=1)
        said.append(f"The newest footage is {days:.0f} days old. Do the cameras record, and does ingest_archive run?")
    silent = [camera.name for camera in cameras if not camera.footage]
    if silent:
        said.append(f"Silent all night, though they recorded in the week before: {', '.join(silent)}.")
    known = [camera.camera for camera in cameras]
    unused = unmatched(load_masks(settings.privacy_masks).cameras, known)
    if unused and known:
        said.append(
            f"Privacy masks for {', '.join(unused)} fit no camera that recorded. A misspelt name masks nothing."
        )
    return said


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
