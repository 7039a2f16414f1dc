"""Verdicts: what a reviewer says of an event. Rows are added, never changed. The newest one not withdrawn counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal as Words
from typing import get_args
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, literal, select, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.schema import verdicts

Verdict = Words["real", "false_alarm", "unsure"]
MAX_NOTE = 2000  # characters

_v = verdicts.c
# The version that counts today, or else the newest that found the event.
_VERSIONS = text("""
    SELECT DISTINCT ON (e.event_id) e.event_id, rv.rule_version_id
    FROM events e JOIN rule_versions rv USING (rule_version_id) JOIN rules r USING (rule_id)
    WHERE e.event_id = ANY(:events) ORDER BY e.event_id, rv.version = r.current_version DESC, rv.version DESC""")
# What was given with one press of a button has one moment.
_GIVEN_WITH = text("""
    SELECT verdict_id FROM verdicts d
    WHERE (reviewer, created_at) = (:reviewer, :at) AND carried_from IS NOT DISTINCT FROM :carried
      AND withdraws IS NULL
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)""")
_HISTORY = text("""
    SELECT d.verdict_id, d.verdict, d.reviewer, d.note, d.created_at, rv.version, d.withdraws,
           EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id) AS withdrawn
    FROM verdicts d JOIN rule_versions rv USING (rule_version_id)
    WHERE d.event_id = :event ORDER BY d.created_at, d.verdict_id""")


@dataclass(frozen=True, slots=True)
class VerdictEntry:
    """A row of an event's history."""

    verdict_id: int
    verdict: str  # or "withdrawn"
    reviewer: str
    note: str | None
    created_at: datetime
    version: int  # of the rule, that the reviewer looked at
    withdraws: int | None
    withdrawn: bool


def add_verdict(engine: Engine, event_id: UUID, verdict: str, *, reviewer: str, note: str = "") -> int:
    """Add a verdict on one event; as :func:`add_verdicts`."""
    return add_verdicts(engine, [event_id], verdict, reviewer=reviewer, note=note)


def add_verdicts(engine: Engine, event_ids: Sequence[UUID], verdict: str, *, reviewer: str, note: str = "") -> int:
    """Add a verdict on each of these events, all at one moment; returns the id of the first.

    Args:
        engine: of a user with the reviewer's rights.
        event_ids: as in ``event_list``; at least one.
        verdict: real, false_alarm or unsure.
        reviewer: who says so.
        note: anything, up to 2,000 characters.

    Raises:
        StorageError: there is no such event or verdict, or the note is too long. Nothing was written.
    """
    if verdict not in get_args(Verdict):
        raise StorageError(f"A verdict is {', '.join(get_args(Verdict))}, not {verdict[:40]!r}.")
    kept = note.replace("\0", "").strip()
    if len(kept) > MAX_NOTE:
        raise StorageError(f"A note has at most {MAX_NOTE:,} characters; this one has {len(kept):,}.")
    with engine.begin() as connection:
        versions: dict[UUID, int] = {
            row.event_id: row.rule_version_id for row in connection.execute(_VERSIONS, {"events": list(event_ids)})
        }
        for event_id in event_ids:
            if event_id not in versions:
                raise StorageError(
                    f"There is no event {event_id}; its footage may have been scored again. Reload the queue."
                )
        same = {"verdict": verdict, "reviewer": reviewer, "note": kept or None}
        rows = [{"event_id": event, "rule_version_id": versions[event], **same} for event in event_ids]
        return int(connection.execute(insert(verdicts).values(rows).returning(_v.verdict_id)).scalars().all()[0])


def withdraw_verdict(engine: Engine, verdict_id: int, *, reviewer: str) -> UUID:
    """Take back one's own verdict, and all given with it, so that those before count again. Returns the event.

    Raises:
        StorageError: there is no such verdict, it is somebody else's, or it was taken back before.
    """
    with engine.begin() as connection:
        row = connection.execute(select(verdicts).where(_v.verdict_id == verdict_id)).mappings().first()
        if row is None or row["withdraws"] is not None:
            raise StorageError(f"There is no verdict {verdict_id} to take back.")
        if row["reviewer"] != reviewer:
            raise StorageError(f"This verdict is {row['reviewer']}'s; give one of your own instead.")
        same = {"reviewer": reviewer, "at": row["created_at"], "carried": row["carried_from"]}
        together = connection.execute(_GIVEN_WITH, same).scalars().all()
        if verdict_id not in together:
            raise StorageError("This verdict was taken back before.")
        taken_back = select(_v.event_id, _v.rule_version_id, literal("withdrawn"), _v.reviewer, _v.verdict_id).where(
            _v.verdict_id.in_(together)
        )
        columns = ["event_id", "rule_version_id", "verdict", "reviewer", "withdraws"]
        try:
            connection.execute(insert(verdicts).from_select(columns, taken_back))
        except DBAPIError as error:
            if "verdicts_withdrawn_once" not in str(error.orig):
                raise
            raise StorageError("This verdict was taken back before.") from None
    return UUID(str(row["event_id"]))


def verdict_history(connection: Connection, event_id: UUID) -> Sequence[VerdictEntry]:
    """Every verdict of an event, oldest first."""
    return [VerdictEntry(**row) for row in connection.execute(_HISTORY, {"event": event_id}).mappings()]
