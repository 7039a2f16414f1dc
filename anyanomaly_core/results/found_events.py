"""Events as a person asks for them: of a rule, a camera, some days, with or without a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from anyanomaly_core.errors import StorageError

SHORTEST_ID = 4  # letters of an id that a person must write

_LIST = """
SELECT e.event_id, e.rule, e.camera, e.started_local, e.duration_s, e.peak_score, e.verdict, e.rationale, e.profile,
       e.notice, e.scorer_id, e.uri, v.recorded_at_source LIKE 'modified%' AS dated_by_change
FROM event_list e JOIN videos v USING (video_id)
WHERE e.is_current_version{conditions}
ORDER BY {order} LIMIT :most"""
_BY_TIME = "e.started_at DESC, e.event_id"
_BY_PEAK = "e.peak_score DESC, e.event_id"
_CONDITIONS = {
    "rules": "e.rule = ANY(CAST(:rules AS text[]))",
    "cameras": "e.camera = ANY(CAST(:cameras AS text[]))",
    "first_day": "e.started_local >= :first_day",
    "last_day": "e.started_local < CAST(:last_day AS date) + 1",
    "verdict": "e.verdict = :verdict",
    "scorer_ids": "e.scorer_id = ANY(CAST(:scorer_ids AS integer[]))",
    "other_scorer_ids": "NOT e.scorer_id = ANY(CAST(:other_scorer_ids AS integer[]))",
}
_BY_PREFIX = text("SELECT DISTINCT event_id FROM events WHERE event_id::text LIKE :start || '%' LIMIT 2")


@dataclass(frozen=True, slots=True)
class EventSummary:
    """An event of a rule's current version."""

    event_id: UUID
    rule: str
    camera: str
    started_local: datetime  # in the camera's time zone, naive
    duration_s: float
    peak_score: float
    verdict: str | None
    rationale: str | None
    profile: str
    notice: str | None  # what must be said of this profile's scores
    scorer_id: int
    uri: str
    dated_by_change: bool  # the recording time was stated nowhere: it is the time the file was changed


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; None: no condition."""

    rules: Sequence[str] | None = None
    cameras: Sequence[str] | None = None  # ids
    first_day: date | None = None  # in the camera's time zone
    last_day: date | None = None  # inclusive
    verdict: str | None = None  # real, false_alarm, unsure
    to_review: bool = False  # only those without a verdict
    scorer_ids: Sequence[int] | None = None
    other_scorer_ids: Sequence[int] | None = None  # none of these


def load_events(connection: Connection, choice: EventFilter, *, most: int, by_peak: bool = False) -> list[EventSummary]:
    """Up to ``most`` events, newest first or, ``by_peak``, highest score first."""
    given: dict[str, Any] = {name: getattr(choice, name) for name in _CONDITIONS}
    binds = {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in given.items()
        if value is not None
    }
    conditions = [_CONDITIONS[name] for name in binds] + (["e.verdict IS NULL"] if choice.to_review else [])
    statement = _LIST.format(
        conditions="".join(f"\n  AND {condition}" for condition in conditions),
        order=_BY_PEAK if by_peak else _BY_TIME,
    )
    found = connection.execute(text(statement), {**binds, "most": most})
    return [EventSummary(**row) for row in found.mappings()]


def event_with_id(connection: Connection, written: str) -> UUID:
    """The event whose id is, or begins with, what somebody wrote.

    Raises:
        StorageError: when there is none, or there are several.
    """
    start = written.strip().lower()
    if len(start) < SHORTEST_ID or not set(start) <= set("0123456789abcdef-"):
        raise StorageError(f"{written[:60]!r} is not the id of an event; `anyanomaly events` shows them.")
    found = list(connection.execute(_BY_PREFIX, {"start": start}).scalars())
    if len(found) == 1:
        return UUID(str(found[0]))
    problem = "There is no event" if not found else "There are several events"
    raise StorageError(f"{problem} whose id begins with {start!r}; `anyanomaly events` shows them.")
