"""Legal holds: events that must be kept, whatever their age. PostgreSQL enforces them (``sql/baseline/retention.sql``).

A hold keeps the event in every rule version that has it, the scores it was derived from and, against retention,
everything of its video. Reviewers hold; the owner alone releases. Every hold stays as history.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, Select, insert, select, update
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.schema import NOW, event_parts, events, legal_holds, rule_versions

_h = legal_holds.c


def hold_event(engine: Engine, event_id: UUID, *, reason: str, person: str) -> None:
    """Put an event under hold.

    Args:
        engine: of a user with the reviewer's or the owner's rights.
        event_id: as in ``event_list``.
        reason: a case number, a request; kept with the hold.
        person: who asks for it.

    Raises:
        StorageError: when there is no such event, it is held already, or the user may not hold events.
    """
    try:
        with engine.begin() as connection:
            connection.execute(insert(legal_holds).values(event_id=event_id, reason=reason, held_by=person))
    except DBAPIError as error:
        raise _refusal(f"Event {event_id} cannot be held", error) from None


def release_event(engine: Engine, event_id: UUID, *, reason: str, person: str) -> None:
    """Let a held event go again.

    Raises:
        StorageError: when it is not held, or the user is not the owner.
    """
    values = {"released_at": NOW, "released_by": person, "release_reason": reason}
    try:
        with engine.begin() as connection:
            mine = (_h.event_id == event_id) & _h.released_at.is_(None)
            released = connection.execute(update(legal_holds).where(mine).values(**values)).rowcount
    except DBAPIError as error:
        raise _refusal(f"Event {event_id} cannot be released", error) from None
    if not released:
        raise StorageError(f"Event {event_id} is not under hold; `anyanomaly holds` lists what is.")


def list_holds(connection: Connection, *, history: bool = False) -> list[RowMapping]:
    """Open holds, newest first; with ``history`` the released ones too."""
    query = select(legal_holds).order_by(_h.hold_id.desc())
    return list(connection.execute(query if history else query.where(_h.released_at.is_(None))).mappings())


def held_scorings(connection: Connection, video_id: int, scorer_id: int) -> set[int]:
    """Scorings whose scores of this video, by this scorer, must stay as they are."""
    e, p = events.c, event_parts.c
    held = select(rule_versions.c.scoring_id).select_from(legal_holds).where(_h.released_at.is_(None))
    begun = held.join(events, e.event_id == _h.event_id).join(rule_versions)
    gone_on = held.join(event_parts, p.event_id == _h.event_id).join(
        rule_versions, rule_versions.c.rule_version_id == p.rule_version_id
    )
    query = begun.where(_h.video_id == video_id, e.scorer_id == scorer_id).union(
        gone_on.where(p.video_id == video_id, p.scorer_id == scorer_id)
    )
    return set(connection.execute(query).scalars())


def open_holds() -> Select[UUID]:
    """Ids of the events under hold, for conditions."""
    return select(_h.event_id).where(_h.released_at.is_(None))


def held_events(connection: Connection, event_ids: Collection[UUID]) -> set[UUID]:
    """Which of these events are under hold."""
    return set(connection.execute(open_holds().where(_h.event_id.in_(event_ids))).scalars())


def is_held(connection: Connection, video_id: int) -> bool:
    """Whether an event under hold lies in this video, or goes on in it."""
    p = event_parts.c
    parts = select(p.video_id).where(p.video_id == video_id, p.event_id.in_(open_holds()))
    begun = select(_h.video_id).where(_h.video_id == video_id, _h.released_at.is_(None))
    return connection.execute(begun.union_all(parts).limit(1)).first() is not None


def _refusal(what: str, error: DBAPIError) -> StorageError:
    said = str(error.orig).strip().splitlines()[0]
    if "legal_holds_one_open" in said:
        said = "it is under hold already"
    if "permission denied" in said:
        said += "; reviewers may hold, only the owner of the results database may release"
    return StorageError(f"{what}: {said}.")
