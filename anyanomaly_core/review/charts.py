"""Curves and strips as numbers for SVG: the templates only write them down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

from anyanomaly_core.review.queries.day import CameraDay, RuleStrip, Span
from anyanomaly_core.review.thresholds import Point

WIDTH = 1000
HEIGHT = 160
DAY_WIDTH = 1440
ROW_HEIGHT = 46
MOST_POINTS = 150
_THIN = 1.2  # nothing is drawn narrower, so that a second of a day is still seen

Dot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """A score curve in a box of WIDTH x HEIGHT; y grows downwards."""

    lines: list[str]  # SVG paths, one for each stretch that has scores
    gaps: list[Dot]  # x and width of stretches without
    threshold_y: float
    event_x: float
    event_width: float
    seconds: list[tuple[float, str]]  # x and label


@dataclass(frozen=True, slots=True)
class PrecisionPicture:
    """Precision and recall over the threshold, in a box of WIDTH x HEIGHT."""

    precision: str  # SVG paths
    recall: str
    interval: str  # of precision; closed
    now_x: float
    suggested_x: float | None
    labels: list[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with what it says when pointed at."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class HitPicture:
    """An event's mark and where it leads."""

    x: float
    width: float
    event_id: str
    verdict: str
    title: str


@dataclass(frozen=True, slots=True)
class StripPicture:
    """A rule's day in a box of DAY_WIDTH x ROW_HEIGHT."""

    rule: str
    threshold_y: float
    boxes: list[Box]
    hits: list[HitPicture]


@dataclass(frozen=True, slots=True)
class DayPicture:
    """A camera's day."""

    footage: list[Box]
    strips: list[StripPicture]
    hours: list[tuple[float, str]]  # x and label


def draw_curve(
    at_s: Sequence[float], scores: Sequence[float | None], length_s: float, event: tuple[float, float], threshold: float
) -> CurvePicture:
    """A curve over ``length_s`` seconds.

    Args:
        at_s: [F] seconds of the frames.
        scores: [F] 0 to 1; None: no score, drawn as a gap.
        length_s: of the box.
        event: begin and end of the event, in seconds.
        threshold: of the rule.
    """
    length = max(length_s, 1e-3)
    columns: dict[int, tuple[float, float | None]] = {}  # pixel -> x, the highest score there
    for at, score in zip(at_s, scores, strict=True):
        x = WIDTH * at / length
        before = columns.get(round(x), (x, None))
        known = [value for value in (before[1], score) if value is not None]
        columns[round(x)] = (before[0], max(known, default=None))
    lines, gaps = _stretches([columns[pixel] for pixel in sorted(columns)])
    begin, end = (min(max(WIDTH * at / length, 0), WIDTH) for at in event)
    step = next(s for s in (1, 2, 5, 10, 30, 60, 300, 1800, 7200, 1e9) if length / s <= 12)  # noqa: PLR2004  (labels)
    labels = [(WIDTH * n * step / length, f"{n * step:g} s") for n in range(1, int(length / step) + 1)]
    return CurvePicture(lines, gaps, _y(threshold), begin, max(end - begin, _THIN), [x for x in labels if x[0] < 970])  # noqa: PLR2004


def draw_precision(points: Sequence[Point], now: float, suggested: float | None) -> PrecisionPicture | None:
    """Precision and recall over the threshold, from just under the lowest one that matters up to 1.

    Args:
        points: by threshold; none: nothing to draw.
        now: the threshold in force.
        suggested: another one, if there is.
    """
    if not points:
        return None
    points = [*points[:: -(-len(points) // MOST_POINTS)], points[-1]]  # an interval takes a tenth of a millisecond
    start = min(floor(10 * min(now, points[0].threshold)) / 10, 0.9)

    def x_of(threshold: float) -> float:
        return round(WIDTH * (threshold - start) / (1 - start), 1)

    xs = [x_of(point.threshold) for point in points]
    low, high = ([(x, _y(p.precision_interval[side])) for x, p in zip(xs, points, strict=True)] for side in (0, 1))
    return PrecisionPicture(
        precision=_path([(x, _y(p.precision)) for x, p in zip(xs, points, strict=True)]),
        recall=_path([(x, _y(p.recall)) for x, p in zip(xs, points, strict=True)]),
        interval=f"{_path(low)} L{_path(high[::-1])[1:]} Z",
        now_x=x_of(now),
        suggested_x=None if suggested is None else x_of(suggested),
        labels=[(x_of(n / 10), f"{n / 10:.1f}") for n in range(round(10 * start), 11)],
    )


def draw_day(day: CameraDay) -> DayPicture:
    """A camera's day: what was recorded, and for each rule what was scored, how high, and what was found."""
    zone = ZoneInfo(day.zone)
    hours, moment = [], day.begin
    while moment < day.end:
        hours.append((_x(day, moment), f"{moment.astimezone(zone):%H}"))
        moment += timedelta(hours=1)
    footage = [_box(day, span, 0, 10, f"{span.kind}: {span.text}") for span in day.footage]
    return DayPicture(footage, [_draw_strip(day, strip, zone) for strip in day.strips], hours)


def _draw_strip(day: CameraDay, strip: RuleStrip, zone: ZoneInfo) -> StripPicture:
    boxes = [_box(day, span, 0, ROW_HEIGHT, f"recorded: {span.kind}") for span in day.footage]
    boxes = [
        Box(b.x, b.width, b.y, b.height, "unreadable" if b.kind == "unreadable" else "waiting", b.title) for b in boxes
    ]
    for span in strip.spans:
        at = f"{span.begin.astimezone(zone):%H:%M}"
        if span.kind in {"scored", "carried"}:
            boxes.append(_box(day, span, 0, ROW_HEIGHT, f"{at} {span.kind}"))
            top = (1 - (span.peak or 0.0)) * ROW_HEIGHT
            high = "high" if (span.peak or 0.0) >= strip.threshold else "low"
            bar = _box(day, span, top, ROW_HEIGHT - top, f"{at} highest {span.peak or 0:.2f}")
            boxes.append(Box(bar.x, bar.width, bar.y, bar.height, high, bar.title))
        else:
            boxes.append(_box(day, span, 0, ROW_HEIGHT, f"{at} {span.kind}"))
    hits = [
        HitPicture(
            _x(day, hit.begin),
            max(_x(day, hit.end) - _x(day, hit.begin), 4.0),
            hit.event_id,
            hit.verdict or "open",
            f"{hit.begin.astimezone(zone):%H:%M:%S} {strip.rule} {hit.peak:.2f}",
        )
        for hit in strip.hits
    ]
    return StripPicture(strip.rule, (1 - strip.threshold) * ROW_HEIGHT, boxes, hits)


def _box(day: CameraDay, span: Span, y: float, height: float, title: str) -> Box:
    x = _x(day, span.begin)
    return Box(x, max(_x(day, span.end) - x, _THIN), y, height, span.kind, title)


def _x(day: CameraDay, moment: datetime) -> float:
    share = (moment.astimezone(UTC) - day.begin) / (day.end - day.begin)
    return round(DAY_WIDTH * min(max(share, 0.0), 1.0), 2)


def _y(score: float) -> float:
    return round(HEIGHT * (1 - score), 1)


def _stretches(columns: Sequence[tuple[float, float | None]]) -> tuple[list[str], list[Dot]]:
    """Paths of the stretches with scores, and the gaps between them."""
    lines: list[str] = []
    gaps: list[Dot] = []
    stretch: list[Dot] = []
    gap_from: float | None = None
    for x, score in columns:
        if score is None:
            gap_from = x if gap_from is None else gap_from
            lines += [_path(stretch)] if stretch else []
            stretch = []
            continue
        if gap_from is not None:
            gaps.append((round(gap_from, 1), round(x - gap_from, 1)))
            gap_from = None
        stretch.append((x, _y(score)))
    lines += [_path(stretch)] if stretch else []
    if gap_from is not None:
        gaps.append((round(gap_from, 1), round(WIDTH - gap_from, 1)))
    return lines, gaps


def _path(dots: Sequence[Dot]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in dots)
