"""Charts of scores: what the browser's script draws with uPlot, and the same as short tables for readers without it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor
from typing import Any

from anyanomaly_core.review.thresholds import ThresholdPoint

_MAX_POINTS = 1000  # of a line; a screen is not wider
_MAX_INTERVALS = 150  # of confidence; each takes a tenth of a millisecond
_MAX_ROWS = 30  # of a table

Steps = list[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class ScoreChart:
    """Frame scores around an event. Times are seconds since the begin of its clip."""

    times_s: list[float]  # [P]
    scores: list[float | None]  # [P]; None: no score, drawn as a gap
    length_s: float
    event: tuple[float, float]  # begin and end
    peak_s: float
    threshold: float
    steps: Steps  # begin of each step of time, and the highest score in it

    @property
    def data(self) -> dict[str, Any]:
        """The chart's data for the script."""
        return {key: value for key, value in asdict(self).items() if key != "steps"}


@dataclass(frozen=True, slots=True)
class PrecisionChart:
    """Precision and recall over the threshold."""

    thresholds: list[float]  # [P]
    precision: list[float]
    recall: list[float]
    low: list[float]  # of precision, 95 % interval
    high: list[float]
    begin: float  # of the axis, just under the lowest threshold that matters
    in_force: float
    suggested: float | None
    rows: list[ThresholdPoint]  # some of the points, for a table

    @property
    def data(self) -> dict[str, Any]:
        """The chart's data for the script."""
        return {key: value for key, value in asdict(self).items() if key != "rows"}


def score_chart(
    times_s: Sequence[float],
    scores: Sequence[float | None],
    *,
    length_s: float,
    event: tuple[float, float],
    peak_s: float,
    threshold: float,
) -> ScoreChart:
    """The chart of a clip.

    Args:
        times_s: [F] of the frames, seconds.
        scores: [F] 0 to 1; None: no score.
        length_s: of the clip.
        event: begin and end of the event, in seconds.
        peak_s: when the score is highest, in seconds.
        threshold: of the rule.
    """
    length = max(length_s, 1e-3)
    points = _highest(times_s, scores, length / _MAX_POINTS)
    step = next(s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 1e9) if length / s <= _MAX_ROWS)
    steps = [(floor(at / step) * step, score) for at, score in _highest(times_s, scores, step)]
    begin, end = (min(max(at, 0.0), length) for at in event)
    return ScoreChart(
        times_s=[round(at, 3) for at, _ in points],
        scores=[None if score is None else round(score, 4) for _, score in points],
        length_s=round(length, 3),
        event=(round(begin, 3), round(end, 3)),
        peak_s=round(min(max(peak_s, 0.0), length), 3),
        threshold=threshold,
        steps=steps,
    )


def _highest(times_s: Sequence[float], scores: Sequence[float | None], step_s: float) -> Steps:
    """In each step of time its first moment and its highest score. A step without any score has None."""
    steps: dict[int, tuple[float, float | None]] = {}
    for at, score in zip(times_s, scores, strict=True):
        place = floor(at / step_s)
        first, highest = steps.get(place, (at, None))
        known = [value for value in (highest, score) if value is not None]
        steps[place] = first, max(known, default=None)
    return [steps[place] for place in sorted(steps)]


def precision_chart(
    points: Sequence[ThresholdPoint], in_force: float, suggested: float | None
) -> PrecisionChart | None:
    """The chart of a rule's judged events; None without any.

    Args:
        points: by threshold.
        in_force: the rule's threshold.
        suggested: another one, if there is.
    """
    if not points:
        return None
    drawn = _some(points, _MAX_INTERVALS)
    intervals = [point.precision_interval for point in drawn]
    return PrecisionChart(
        thresholds=[round(point.threshold, 4) for point in drawn],
        precision=[round(point.precision, 4) for point in drawn],
        recall=[round(point.recall, 4) for point in drawn],
        low=[round(low, 4) for low, _ in intervals],
        high=[round(high, 4) for _, high in intervals],
        begin=min(floor(10 * min(in_force, points[0].threshold)) / 10, 0.9),
        in_force=in_force,
        suggested=suggested,
        rows=_some(points, _MAX_ROWS),
    )


def _some(points: Sequence[ThresholdPoint], most: int) -> list[ThresholdPoint]:
    """Evenly chosen points, the first and the last among them."""
    chosen = list(points[:: ceil(len(points) / most)])
    return chosen if chosen[-1] is points[-1] else [*chosen, points[-1]]


@dataclass(frozen=True, slots=True)
class HistogramChart:
    """Frames by score, and a threshold that is moved over them."""

    counts: list[int]  # [B] frames in each of as many equal parts of 0 to 1
    threshold: float

    @property
    def data(self) -> dict[str, Any]:
        """For the script."""
        return asdict(self)

    @property
    def rows(self) -> list[tuple[float, float, int]]:
        """Begin, end and frames of ten parts, for a table."""
        per_row = len(self.counts) // 10
        return [(n / 10, (n + 1) / 10, sum(self.counts[n * per_row : (n + 1) * per_row])) for n in range(10)]


def histogram_chart(counts: Sequence[int], threshold: float) -> HistogramChart | None:
    """The chart of a draft's scores; None without any."""
    return HistogramChart(list(counts), threshold) if sum(counts) else None
