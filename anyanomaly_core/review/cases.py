"""Cases: events that belong together, and what people do about them. Entries are added, never changed."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, insert, text

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.holds import held_events, hold_event
from anyanomaly_core.results.schema import case_entries, cases

MAX_TITLE, MAX_TEXT = 200, 4000  # characters
MAX_EVENTS = 200  # of a case: nobody opens a bundle of more

EntryKind = Literal["event_added", "event_removed", "assigned", "comment", "held", "exported", "closed", "reopened"]

_ALL = text("""
    SELECT l.*, (SELECT e.event_id FROM case_events e WHERE e.case_id = l.case_id
                 ORDER BY e.added_at, e.event_id LIMIT 1) AS first_event
    FROM case_list l ORDER BY is_closed, changed_at DESC, case_id DESC LIMIT 200""")
_ONE = text("SELECT * FROM case_list WHERE case_id = :case")
_OPEN = text("SELECT case_id, title FROM case_list WHERE NOT is_closed ORDER BY changed_at DESC LIMIT 100")
_OF_EVENT = text("""
    SELECT l.case_id, l.title FROM case_events e JOIN case_list l USING (case_id) WHERE e.event_id = :event
    ORDER BY l.case_id""")
# An event that is found no more stays in the case, and says so.
_EVENTS = text("""
    SELECT c.event_id, c.added_by, c.added_at, l.* FROM case_events c LEFT JOIN LATERAL (
        SELECT rule, camera_name, started_at, started_local, duration_s, peak_score, verdict, notice, held,
               time_source LIKE 'modified%' AS dated_by_change
        FROM event_list WHERE event_list.event_id = c.event_id
        ORDER BY is_current_version DESC, version DESC LIMIT 1
    ) AS l ON true
    WHERE c.case_id = :case ORDER BY l.started_at, c.event_id""")
_ENTRIES = text("SELECT * FROM case_entries WHERE case_id = :case ORDER BY entry_id DESC LIMIT 500")
_KNOWN = text("SELECT DISTINCT event_id FROM events WHERE event_id = ANY(:events)")


def open_case(engine: Engine, title: str, event_ids: Sequence[UUID], *, author: str) -> int:
    """Open a case with some events; returns its number.

    Args:
        engine: of a user with the reviewer's rights.
        title: up to 200 characters.
        event_ids: as in ``event_list``, at most MAX_EVENTS.
        author: who opens it.

    Raises:
        StorageError: the title is empty or too long, there is no such event, or there are too many.
    """
    kept = title.replace("\0", "").strip()
    if not kept or len(kept) > MAX_TITLE:
        raise StorageError(f"A case needs a title of at most {MAX_TITLE} characters.")
    with engine.begin() as connection:
        opened = insert(cases).values(title=kept, opened_by=author).returning(cases.c.case_id)
        case_id = int(connection.execute(opened).scalar_one())
        _add(connection, case_id, event_ids, author)
    return case_id


def add_events(engine: Engine, case_id: int, event_ids: Sequence[UUID], *, author: str) -> None:
    """Add events to a case; those it has already stay. Raises StorageError as :func:`open_case`."""
    with engine.begin() as connection:
        load_case(connection, case_id)
        _add(connection, case_id, event_ids, author)


def remove_event(engine: Engine, case_id: int, event_id: UUID, *, author: str) -> None:
    """Take an event out of a case. Raises StorageError when it is not in it."""
    with engine.begin() as connection:
        if event_id not in _member_ids(connection, case_id):
            raise StorageError(f"There is no event {event_id} in case {case_id}.")
        _write(connection, case_id, "event_removed", author, event_id=event_id)


def add_entry(engine: Engine, case_id: int, kind: EntryKind, words: str, *, author: str) -> None:
    """Assign a case (to whom ``words`` names), comment, close or reopen it, or note what was done.

    Raises:
        StorageError: there is no such case, or the words are missing or too long.
    """
    kept = words.replace("\0", "").strip()
    if len(kept) > MAX_TEXT:
        raise StorageError(f"This has {len(kept):,} characters; {MAX_TEXT:,} fit.")
    if kind in {"comment", "assigned"} and not kept:
        raise StorageError("There is nothing to write down: say something, or name somebody.")
    with engine.begin() as connection:
        load_case(connection, case_id)
        _write(connection, case_id, kind, author, text=kept or None)


def hold_case(engine: Engine, case_id: int, reason: str, *, author: str) -> int:
    """Put every event of a case under legal hold; returns how many were not held before.

    Raises:
        StorageError: there is no such case, the reason is missing, or an event is gone.
    """
    with engine.connect() as connection:
        case = load_case(connection, case_id)
        members = _member_ids(connection, case_id)
        missing = [event for event in members if event not in held_events(connection, members)]
    words = reason.replace("\0", "").strip()
    if not words:
        raise StorageError("A legal hold needs a reason.")
    for event in missing:
        hold_event(engine, event, reason=f"case {case_id}, {case['title']}: {words}", person=author)
    add_entry(engine, case_id, "held", words, author=author)
    return len(missing)


def list_cases(connection: Connection) -> Sequence[RowMapping]:
    """Cases, open ones first, then those that changed last."""
    return connection.execute(_ALL).mappings().all()


def open_cases(connection: Connection) -> Sequence[RowMapping]:
    """Number and title of cases that somebody may still add to."""
    return connection.execute(_OPEN).mappings().all()


def cases_of_event(connection: Connection, event_id: UUID) -> Sequence[RowMapping]:
    """Number and title of the cases that an event is in."""
    return connection.execute(_OF_EVENT, {"event": event_id}).mappings().all()


def load_case(connection: Connection, case_id: int) -> RowMapping:
    """A case as it is now; raises StorageError when there is none of this number."""
    found = connection.execute(_ONE, {"case": case_id}).mappings().first()
    if found is None:
        raise StorageError(f"There is no case {case_id}.")
    return found


def load_events(connection: Connection, case_id: int) -> Sequence[RowMapping]:
    """A case's events in time's order."""
    return connection.execute(_EVENTS, {"case": case_id}).mappings().all()


def load_entries(connection: Connection, case_id: int) -> Sequence[RowMapping]:
    """What was done with a case, newest first."""
    return connection.execute(_ENTRIES, {"case": case_id}).mappings().all()


def _add(connection: Connection, case_id: int, event_ids: Sequence[UUID], author: str) -> None:
    known = set(connection.execute(_KNOWN, {"events": list(event_ids)}).scalars())
    for event in event_ids:
        if event not in known:
            raise StorageError(f"There is no event {event}; its footage may have been scored again. Reload the queue.")
    members = _member_ids(connection, case_id)
    new = [event for event in dict.fromkeys(event_ids) if event not in members]
    if len(members) + len(new) > MAX_EVENTS:
        raise StorageError(f"A case holds at most {MAX_EVENTS} events; this would make {len(members) + len(new)}.")
    for event in new:
        _write(connection, case_id, "event_added", author, event_id=event)


def _member_ids(connection: Connection, case_id: int) -> list[UUID]:
    query = text("SELECT event_id FROM case_events WHERE case_id = :case")
    return list(connection.execute(query, {"case": case_id}).scalars())


def _write(connection: Connection, case_id: int, kind: EntryKind, author: str, **values: object) -> None:
    connection.execute(insert(case_entries).values(case_id=case_id, kind=kind, author=author, **values))
