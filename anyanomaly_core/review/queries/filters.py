"""Which events a page of the queue lists, in which order, and which events a card of it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from anyanomaly_core.errors import StorageError

ORDERS = {"score": "highest score first", "time": "newest first"}
REPEATS = {"grouped": "grouped", "single": "one by one"}
VERDICTS = {"open": "not judged yet", "any": "all", "real": "yes", "false_alarm": "no", "unsure": "unsure"}
# As `verdict IS NULL`, in words that look nothing up for events that were never judged.
_OPEN = """NOT EXISTS (
    SELECT FROM verdicts d WHERE d.event_id = event_list.event_id AND d.withdraws IS NULL
    AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id))"""


@dataclass(frozen=True, slots=True)
class Incident:
    """Which events a card of the queue stands for, as forms state it: ``<event id>|<first begin>|<last begin>``.

    An event id alone is that event alone.
    """

    event_id: UUID
    first_at: datetime | None = None
    last_at: datetime | None = None

    @classmethod
    def parse(cls, stated: str) -> "Incident":
        """Parse a form. Raises StorageError for what is none."""
        try:
            event, *moments = stated.split("|")
            if not moments:
                return cls(UUID(event))
            first, last = moments
            return cls(UUID(event), datetime.fromisoformat(first), datetime.fromisoformat(last))
        except ValueError:
            raise StorageError("The form names an event that does not exist.") from None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events, in which order; as the address of a page states it."""

    rule: str = ""
    camera: str = ""
    night: date | None = None  # noon to noon, on the camera's clock
    verdict: str = "open"
    least: float | None = None  # lowest peak
    order: str = "score"
    repeats: str = "grouped"
    after: str = ""  # "<peak or moment>|<event id>" of the last one seen

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "Filters":
        """Parse a query string. Raises StorageError for values that do not exist."""
        night, least = given.get("night", ""), given.get("least", "")
        try:
            found = cls(
                rule=given.get("rule", ""),
                camera=given.get("camera", ""),
                night=date.fromisoformat(night) if night else None,
                verdict=given.get("verdict") or "open",
                least=float(least) if least else None,
                order=given.get("order") or "score",
                repeats=given.get("repeats") or "grouped",
                after=given.get("after", ""),
            )
            found.position()
            if found.night:
                date(found.night.year + 2, 1, 1)  # the night ends a day later, and is looked for with a day of margin
        except (ValueError, OverflowError):
            raise StorageError("The address asks for a day, score or place in the queue that does not exist.") from None
        if found.verdict not in VERDICTS or found.order not in ORDERS or found.repeats not in REPEATS:
            raise StorageError("The address asks for a verdict or an order that does not exist.")
        return found

    def position(self) -> tuple[float | datetime, UUID] | None:
        """Where the page before ended."""
        if not self.after:
            return None
        value, _, event = self.after.partition("|")
        return (float(value) if self.order == "score" else datetime.fromisoformat(value)), UUID(event)

    def query_string(self, **changes: object) -> str:
        """The query string of an address, with changes. Defaults are left out."""
        new = replace(self, **changes)  # type: ignore[arg-type]
        defaults = Filters()
        stated = {name: getattr(new, name) for name in self.__slots__ if getattr(new, name) != getattr(defaults, name)}
        return urlencode({name: "" if value is None else str(value) for name, value in stated.items()})

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order differs from the defaults."""
        return bool(replace(self, order="score", repeats="grouped", after="").query_string())


def conditions(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """SQL over ``event_list`` that holds for events that fit, and its values."""
    where, values = ["is_current_version"], dict[str, Any]()
    for name in ("rule", "camera"):
        if wanted := getattr(filters, name):
            where.append(f"{name} = :{name}")
            values[name] = wanted
    if filters.verdict == "open":
        where.append(_OPEN)
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
