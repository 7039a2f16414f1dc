"""The queue: incidents in an order, a page at a time.

An incident is a run of events of one rule on one camera, each within minutes of the one before. Its event with the
highest score stands for it.

A page begins after the last event of the page before, not at a number. So the thousandth page costs what the first
does, and events that are judged meanwhile shift nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.queries.filters import Filters, Incident, conditions

PAGE_SIZE = 48  # fills rows of two, three, four and six cards
REPEATED_WITHIN = timedelta(minutes=2)  # of the end of the one before
_COLUMNS = """event_id, rule, version, camera, camera_name, started_at, started_local, duration_s, peak_score,
    left(rationale, 2001) AS rationale, left(winning_text, 301) AS winning_text, uri, verdict, reviewer, note,
    verdict_at, profile, notice, held,
    time_source LIKE 'modified%' AS dated_by_change"""
_INCIDENTS = """
WITH listed AS (
    SELECT event_id, rule, camera, started_at, ended_at, peak_score FROM event_list WHERE {where}
), flagged AS (
    SELECT *, :single OR started_at > max(ended_at) OVER (
        PARTITION BY rule, camera ORDER BY started_at, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) + CAST(:apart AS interval) AS begins FROM listed
), numbered AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY rule, camera ORDER BY started_at, event_id) AS number
    FROM flagged
), incidents AS MATERIALIZED (
    SELECT DISTINCT ON (rule, camera, number) event_id, peak_score, started_at, min(started_at) OVER whole AS first_at,
           max(started_at) OVER whole AS last_at, count(*) OVER whole AS members
    FROM numbered WINDOW whole AS (PARTITION BY rule, camera, number)
    ORDER BY rule, camera, number, peak_score DESC, event_id DESC
), page AS (
    SELECT * FROM incidents WHERE {behind} ORDER BY {column} DESC, event_id DESC LIMIT :limit
), shown AS (
    SELECT page.first_at, page.last_at, page.members, l.* FROM page JOIN LATERAL (
        SELECT {columns} FROM event_list WHERE event_list.event_id = page.event_id AND is_current_version
    ) AS l ON true
)
SELECT s.*, c.total, c.events
FROM (SELECT count(*) AS total, coalesce(sum(members), 0)::bigint AS events FROM incidents) AS c
LEFT JOIN shown s ON true
ORDER BY s.{column} DESC, s.event_id DESC"""
_JUDGED_TOGETHER = text("""
    SELECT min(l.started_at), max(l.started_at), count(DISTINCT l.event_id)
    FROM verdicts d JOIN verdicts o ON (o.reviewer, o.created_at) = (d.reviewer, d.created_at) AND o.withdraws IS NULL
        AND o.carried_from IS NOT DISTINCT FROM d.carried_from
    JOIN event_list l ON l.event_id = o.event_id
    JOIN event_list this ON this.event_id = :event AND (this.rule, this.camera) = (l.rule, l.camera)
    WHERE d.verdict_id = :verdict""")


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Incidents of a page, and how many there are in all."""

    incidents: Sequence[RowMapping]
    total: int  # incidents
    events: int  # in them


def find_incidents(connection: Connection, filters: Filters, *, limit: int = PAGE_SIZE) -> QueuePage:
    """One page of incidents of the current rule versions. Ask for one more to know whether there is another page.

    A row has the columns of the event that stands for the incident, the first and last begin of its events
    (``first_at``, ``last_at``), and how many there are (``members``).
    """
    where, values = conditions(filters)
    column, kind = ("peak_score", "real") if filters.order == "score" else ("started_at", "timestamptz")
    behind = "true"
    if (position := filters.position()) is not None:
        behind = f"({column}, event_id) < (CAST(:key AS {kind}), CAST(:event AS uuid))"
        values |= {"key": position[0], "event": position[1]}
    statement = text(_INCIDENTS.format(where=" AND ".join(where), behind=behind, column=column, columns=_COLUMNS))
    apart = timedelta(0) if filters.repeats == "single" else REPEATED_WITHIN
    found = connection.execute(statement, values | {"limit": limit, "apart": apart, "single": not apart})
    rows = found.mappings().all()
    counts = rows[0] if rows else {"total": 0, "events": 0}
    return QueuePage([row for row in rows if row["event_id"]], counts["total"], counts["events"])


def find_incident(connection: Connection, incident: Incident) -> RowMapping:
    """An incident as in the queue, whatever was said of it; raises StorageError when it is gone."""
    statement = f"""SELECT *, CASE WHEN :alone THEN 1 ELSE greatest(1, (
            SELECT count(*) FROM event_list m WHERE m.is_current_version AND m.rule = one.rule
            AND m.camera = one.camera AND m.started_at BETWEEN one.first_at AND one.last_at)) END AS members
        FROM (SELECT {_COLUMNS}, coalesce(CAST(:first AS timestamptz), started_at) AS first_at,
                  coalesce(CAST(:last AS timestamptz), started_at) AS last_at
              FROM event_list WHERE event_id = :event
              ORDER BY is_current_version DESC, version DESC LIMIT 1) AS one"""  # noqa: S608  (names are ours)
    moments = {"first": incident.first_at, "last": incident.last_at}
    values = {"event": incident.event_id, "alone": incident.first_at is None, **moments}
    found = connection.execute(text(statement), values).mappings().first()
    if found is None:
        raise StorageError(
            f"There is no event {incident.event_id}. Its footage may have been scored again, or expired."
        )
    return found


def member_ids(connection: Connection, incident: Incident, filters: Filters) -> Sequence[UUID]:
    """The incident's events that fit the filters, the one that stands for it among them whatever it is like."""
    if incident.first_at is None:
        return [incident.event_id]
    where, values = conditions(replace(filters, rule="", camera=""))
    statement = f"""SELECT event_id FROM event_list
        WHERE {" AND ".join(where)} AND started_at BETWEEN :first AND :last AND (rule, camera) IN
            (SELECT rule, camera FROM event_list WHERE event_id = :event)"""  # noqa: S608  (names are ours)
    values |= {"event": incident.event_id, "first": incident.first_at, "last": incident.last_at}
    found = connection.execute(text(statement), values).scalars().all()
    return list(dict.fromkeys([incident.event_id, *found]))


def incident_of(connection: Connection, event_id: UUID, verdict_id: int) -> Incident:
    """The card that a verdict was given on: its event, with all events that were judged by the same press."""
    values = {"event": event_id, "verdict": verdict_id}
    first, last, members = connection.execute(_JUDGED_TOGETHER, values).one()
    return Incident(event_id, first, last) if members > 1 else Incident(event_id)


def cursor_of(event: RowMapping, order: str) -> str:
    """The ``after`` that makes a page begin behind this event."""
    value = event["peak_score"] if order == "score" else event["started_at"].isoformat()
    return f"{value}|{event['event_id']}"


def filter_choices(connection: Connection) -> dict[str, Any]:
    """The rules and cameras there are, and the newest night that has events."""
    last = connection.execute(
        text("""SELECT (started_local - interval '12 hours')::date FROM event_list WHERE is_current_version
                ORDER BY started_at DESC LIMIT 1""")
    ).scalar()
    return {
        "rules": _pairs(connection, "SELECT name, name FROM rules ORDER BY name"),
        "cameras": _pairs(connection, "SELECT camera_id, name FROM cameras ORDER BY camera_id"),
        "last_night": last,
    }


def _pairs(connection: Connection, query: str) -> list[tuple[str, str]]:
    return [(key, name) for key, name in connection.execute(text(query))]
