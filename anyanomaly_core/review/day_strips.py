"""The strips of a day as numbers for SVG. The template only writes them down."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from anyanomaly_core.review.queries.day import CameraDay, DaySpan, RuleStrip

DAY_WIDTH = 1440
ROW_HEIGHT = 46
_MIN_WIDTH = 1.2  # nothing is drawn narrower, so that a second of a day is still visible


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a tooltip."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class EventMark:
    """The mark of an event, which links to it."""

    x: float
    event_id: str
    verdict: str
    title: str
    dated_by_change: bool


@dataclass(frozen=True, slots=True)
class StripPicture:
    """A rule's day in a box of DAY_WIDTH x ROW_HEIGHT; y grows downwards."""

    rule: str
    threshold_y: float
    boxes: list[Box]
    events: list[EventMark]


@dataclass(frozen=True, slots=True)
class DayPicture:
    """A camera's day."""

    strips: list[StripPicture]
    hours: list[tuple[float, str]]  # x and label


def draw_day(day: CameraDay) -> DayPicture:
    """A camera's day: what was recorded, and for each rule what was scored, how high, and what was found."""
    zone = ZoneInfo(day.zone)
    hours, moment = [], day.begin
    while moment < day.end:
        hours.append((_x(day, moment), f"{moment.astimezone(zone):%H}"))
        moment += timedelta(hours=1)
    return DayPicture([_draw_strip(day, strip, zone) for strip in day.strips], hours)


def _draw_strip(day: CameraDay, strip: RuleStrip, zone: ZoneInfo) -> StripPicture:
    boxes = []
    for span in day.footage:
        recorded = _box(day, span, 0, ROW_HEIGHT, f"recorded: {span.kind}")
        boxes.append(recorded if span.kind == "unreadable" else replace(recorded, kind="waiting"))
    for span in strip.spans:
        at = f"{span.begin.astimezone(zone):%H:%M}"
        if span.kind in {"scored", "carried"}:
            boxes.append(_box(day, span, 0, ROW_HEIGHT, f"{at} {span.kind}"))
            top = (1 - (span.peak or 0.0)) * ROW_HEIGHT
            high = "high" if (span.peak or 0.0) >= strip.threshold else "low"
            bar = _box(day, span, top, ROW_HEIGHT - top, f"{at} highest {span.peak or 0:.2f}")
            boxes.append(replace(bar, kind=high))
        else:
            boxes.append(_box(day, span, 0, ROW_HEIGHT, f"{at} {span.kind}"))
    events = [
        EventMark(
            _x(day, event.begin),
            event.event_id,
            event.verdict or "open",
            f"{event.begin.astimezone(zone):%H:%M:%S} {strip.rule} {event.peak:.2f}",
            event.dated_by_change,
        )
        for event in strip.events
    ]
    return StripPicture(strip.rule, (1 - strip.threshold) * ROW_HEIGHT, boxes, events)


def _box(day: CameraDay, span: DaySpan, y: float, height: float, title: str) -> Box:
    x = _x(day, span.begin)
    return Box(x, max(_x(day, span.end) - x, _MIN_WIDTH), y, height, span.kind, title)


def _x(day: CameraDay, moment: datetime) -> float:
    share = (moment.astimezone(UTC) - day.begin) / (day.end - day.begin)
    return round(DAY_WIDTH * min(max(share, 0.0), 1.0), 2)
