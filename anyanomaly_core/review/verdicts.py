"""Verdicts: what a reviewer says of an event. Rows are added, never changed. The newest one not withdrawn counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from typing import Literal as Words
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.schema import verdicts

Verdict = Words["real", "false_alarm", "unsure"]
MAX_NOTE = 2000  # characters

_v = verdicts.c
# The version that counts today, or else the newest that found the event.
_VERSION = text("""
    SELECT rv.rule_version_id FROM events e JOIN rule_versions rv USING (rule_version_id) JOIN rules r USING (rule_id)
    WHERE e.event_id = :event ORDER BY rv.version = r.current_version DESC, rv.version DESC LIMIT 1""")
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
    """Add a verdict; returns its id.

    Args:
        engine: of a user with the reviewer's rights.
        event_id: as in ``event_list``.
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
        version = connection.execute(_VERSION, {"event": event_id}).scalar()
        if version is None:
            raise StorageError(
                f"There is no event {event_id}; its footage may have been scored again. Reload the queue."
            )
        row = insert(verdicts).values(
            event_id=event_id, rule_version_id=version, verdict=verdict, reviewer=reviewer, note=kept or None
        )
        return int(connection.execute(row.returning(_v.verdict_id)).scalar_one())


def withdraw_verdict(engine: Engine, verdict_id: int, *, reviewer: str) -> UUID:
    """Take back one's own verdict, so that the one before it counts again. Returns the event.

    Raises:
        StorageError: there is no such verdict, it is somebody else's, or it was taken back before.
    """
    with engine.begin() as connection:
        row = connection.execute(select(verdicts).where(_v.verdict_id == verdict_id)).mappings().first()
        if row is None or row["withdraws"] is not None:
            raise StorageError(f"There is no verdict {verdict_id} to take back.")
        if row["reviewer"] != reviewer:
            raise StorageError(f"This verdict is {row['reviewer']}'s; give one of your own instead.")
        values: dict[str, Any] = {name: row[name] for name in ("event_id", "rule_version_id", "reviewer")}
        try:
            connection.execute(insert(verdicts).values(**values, verdict="withdrawn", withdraws=verdict_id))
        except DBAPIError as error:
            if "verdicts_withdrawn_once" not in str(error.orig):
                raise
            raise StorageError("This verdict was taken back before.") from None
    return UUID(str(row["event_id"]))


def verdict_history(connection: Connection, event_id: UUID) -> Sequence[VerdictEntry]:
    """Every verdict of an event, oldest first."""
    return [VerdictEntry(**row) for row in connection.execute(_HISTORY, {"event": event_id}).mappings()]
