"""The queue: events in an order, a page at a time.

A page begins after the last event of the page before, not at a number. So the thousandth page costs what the first
does, and events that are judged meanwhile shift nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.errors import StorageError

PAGE_SIZE = 50
MAX_COUNTED = 10_000
ORDERS = {"score": "highest score first", "time": "newest first"}
VERDICTS = {"open": "not judged yet", "any": "all", "real": "yes", "false_alarm": "no", "unsure": "unsure"}

_COLUMNS = """event_id, rule, version, camera, camera_name, started_at, started_local, duration_s, peak_score,
    left(rationale, 2001) AS rationale, left(winning_text, 301) AS winning_text, uri, verdict, reviewer, note,
    verdict_at, profile, notice, held,
    (SELECT v.recorded_at_source LIKE 'modified%' FROM videos v WHERE v.video_id = event_list.video_id)
        AS dated_by_change"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events, in which order; as the address of a page states it."""

    rule: str = ""
    camera: str = ""
    night: date | None = None  # noon to noon, on the camera's clock
    verdict: str = "open"
    least: float | None = None  # lowest peak
    order: str = "score"
    after: str = ""  # "<peak or moment>|<event id>" of the last one seen

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "Filters":
        """From a query string. Raises StorageError for values that do not exist."""
        night, least = given.get("night", ""), given.get("least", "")
        try:
            found = cls(
                rule=given.get("rule", ""),
                camera=given.get("camera", ""),
                night=date.fromisoformat(night) if night else None,
                verdict=given.get("verdict") or "open",
                least=float(least) if least else None,
                order=given.get("order") or "score",
                after=given.get("after", ""),
            )
            found.position()
            if found.night:
                date(found.night.year + 2, 1, 1)  # the night ends a day later, and is looked for with a day of margin
        except (ValueError, OverflowError):
            raise StorageError("The address asks for a day, score or place in the queue that does not exist.") from None
        if found.verdict not in VERDICTS or found.order not in ORDERS:
            raise StorageError("The address asks for a verdict or an order that does not exist.")
        return found

    def position(self) -> tuple[float | datetime, UUID] | None:
        """Where the page before ended."""
        if not self.after:
            return None
        value, _, event = self.after.partition("|")
        return (float(value) if self.order == "score" else datetime.fromisoformat(value)), UUID(event)

    def query_string(self, **changes: object) -> str:
        """As the query string of an address, with changes. Defaults are left out."""
        new = replace(self, **changes)  # type: ignore[arg-type]
        defaults = Filters()
        stated = {name: getattr(new, name) for name in self.__slots__ if getattr(new, name) != getattr(defaults, name)}
        return urlencode({name: "" if value is None else str(value) for name, value in stated.items()})

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order differs from the defaults."""
        return bool(replace(self, order="score", after="").query_string())


def find_events(connection: Connection, filters: Filters, *, limit: int = PAGE_SIZE) -> Sequence[RowMapping]:
    """Events of the current rule versions, one page. Ask for one more to know whether there is another page."""
    where, values = _conditions(filters)
    column, kind = ("peak_score", "real") if filters.order == "score" else ("started_at", "timestamptz")
    if (position := filters.position()) is not None:
        where.append(f"({column}, event_id) < (CAST(:key AS {kind}), CAST(:event AS uuid))")
        values |= {"key": position[0], "event": position[1]}
    statement = f"""SELECT {_COLUMNS} FROM event_list WHERE {" AND ".join(where)}
        ORDER BY {column} DESC, event_id DESC LIMIT :limit"""  # noqa: S608  (names are ours, values are bound)
    return connection.execute(text(statement), values | {"limit": limit}).mappings().all()


def find_event(connection: Connection, event_id: UUID) -> RowMapping:
    """One event as in the queue; raises StorageError when it is gone."""
    statement = f"""SELECT {_COLUMNS} FROM event_list WHERE event_id = :event
        ORDER BY is_current_version DESC, version DESC LIMIT 1"""  # noqa: S608  (names are ours)
    event = connection.execute(text(statement), {"event": event_id}).mappings().first()
    if event is None:
        raise StorageError(f"There is no event {event_id}. Its footage may have been scored again, or expired.")
    return event


def count_events(connection: Connection, filters: Filters) -> int:
    """How many there are in all, up to ``MAX_COUNTED`` + 1."""
    where, values = _conditions(filters)
    inner = f"SELECT FROM event_list WHERE {' AND '.join(where)} LIMIT :most"
    statement = text(f"SELECT count(*) FROM ({inner}) AS e")  # noqa: S608
    counted = connection.execute(statement, values | {"most": MAX_COUNTED + 1})
    return int(counted.scalar_one())


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
        "rules": connection.execute(text("SELECT name FROM rules ORDER BY name")).scalars().all(),
        "cameras": connection.execute(text("SELECT camera_id, name FROM cameras ORDER BY camera_id")).mappings().all(),
        "last_night": last,
    }


def _conditions(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    where, values = ["is_current_version"], dict[str, Any]()
    for name in ("rule", "camera"):
        if wanted := getattr(filters, name):
            where.append(f"{name} = :{name}")
            values[name] = wanted
    if filters.verdict == "open":
        where.append("verdict IS NULL")
    elif filters.verdict != "any":
        where.append("verdict = :verdict")
        values["verdict"] = filters.verdict
    if filters.least is not None:
        where.append("peak_score >= CAST(:least AS real)")
        values["least"] = filters.least
    if filters.night is not None:
        noon = datetime.combine(filters.night, datetime.min.time()) + timedelta(hours=12)
        where.append("started_local >= :noon AND started_local < :next_noon")
        # The same in UTC with a day of margin, which indexes know.
        where.append("started_at >= CAST(:noon AS timestamp) AT TIME ZONE 'UTC' - interval '1 day'")
        where.append("started_at < CAST(:next_noon AS timestamp) AT TIME ZONE 'UTC' + interval '1 day'")
        values |= {"noon": noon, "next_noon": noon + timedelta(days=1)}
    return where, values
