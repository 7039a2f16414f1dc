"""Where to set a rule's threshold: suggested from verdicts.

Among the judged events with a peak of at least t, precision is the share of real ones. Recall is the share of all real
ones found so far that have such a peak. Intervals are exact binomial (Clopper and Pearson, Biometrika 26, 1934).
Nobody was shown what lies below the present threshold, so recall states what a *higher* threshold would lose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.results.binomial import binomial_interval

MIN_JUDGED = 10  # events; below that there is no suggestion

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What a threshold would have done with the judged events."""

    threshold: float
    reaching: int  # judged events with such a peak
    real: int  # of these
    all_real: int  # real events in all

    @property
    def precision(self) -> float:
        """Share of real ones among those that reach it."""
        return self.real / self.reaching

    @property
    def recall(self) -> float:
        """Share of the real ones that reach it."""
        return self.real / self.all_real if self.all_real else 0.0

    @property
    def missed(self) -> int:
        """Real events that do not reach it."""
        return self.all_real - self.real

    @property
    def precision_interval(self) -> Interval:
        """Exact interval of 95 % (Clopper and Pearson)."""
        return binomial_interval(self.real, self.reaching)

    @property
    def recall_interval(self) -> Interval:
        """Exact interval of 95 % (Clopper and Pearson)."""
        return binomial_interval(self.real, self.all_real)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The lowest threshold that would have reached a precision, or why there is none."""

    target: float
    point: ThresholdPoint | None
    sentence: str
    points: tuple[ThresholdPoint, ...]  # by threshold, for a curve


def precision_recall_points(peaks: Sequence[float], real: Sequence[bool]) -> tuple[ThresholdPoint, ...]:
    """One point for each distinct peak, from the lowest up: the threshold that events of this peak and above reach."""
    scores: NDArray[np.float64] = np.asarray(peaks, np.float64)  # [E]
    flags: NDArray[np.bool_] = np.asarray(real, bool)  # [E]
    order = np.argsort(scores, kind="stable")
    scores, flags = scores[order], flags[order]
    at, first = np.unique(scores, return_index=True)  # [P] distinct peaks and where each begins
    reaching = len(scores) - first
    found = np.cumsum(flags[::-1])[::-1][first] if len(scores) else np.zeros(0, int)
    all_real = int(flags.sum())
    return tuple(
        ThresholdPoint(float(t), int(n), int(k), all_real) for t, n, k in zip(at, reaching, found, strict=True)
    )


def suggest(peaks: Sequence[float], real: Sequence[bool], *, target: float = 0.9, now: float = 0.0) -> Suggestion:
    """The lowest threshold whose precision on the judged events is at least ``target``.

    Args:
        peaks: highest frame score of each judged event; those marked unsure are left out.
        real: whether it was real, for each.
        target: precision, 0 to 1.
        now: the threshold in force.
    """
    points = precision_recall_points(peaks, real)
    judged, all_real = len(peaks), sum(map(bool, real))
    wanted = f"{100 * target:g} % precision"
    if judged < MIN_JUDGED or not all_real:
        counts = f"{judged} judged events, {all_real} of them real"
        return Suggestion(
            target, None, f"Too few verdicts for a suggestion: {counts}; {MIN_JUDGED} are needed.", points
        )
    first = next((n for n, point in enumerate(points) if point.precision >= target), None)
    if first is None:
        best = max(points, key=lambda point: point.precision)
        sentence = f"No threshold reaches {wanted}; the best is {_percent(best.precision)} at {best.threshold:.2f}. "
        return Suggestion(target, None, sentence + "Other texts or an excluded text may help more.", points)
    point = points[first]
    low, high = point.precision_interval
    below = points[first - 1].threshold if first else min(now, point.threshold)
    chosen = shortest_decimal_between(below, point.threshold)
    suggested = ThresholdPoint(chosen, point.reaching, point.real, point.all_real)
    interval = f"Precision was {point.real} of {point.reaching}, 95 % interval {_percent(low)} to {_percent(high)}."
    if first == 0:
        sentence = f"The threshold in force, {now:.2f}, already gives {wanted}. {interval}"
        return Suggestion(target, ThresholdPoint(now, point.reaching, point.real, point.all_real), sentence, points)
    missed = f"you would have missed {suggested.missed} of {suggested.all_real}"
    return Suggestion(target, suggested, f"For {wanted} set {_number(chosen)}; {missed}. {interval}", points)


def shortest_decimal_between(below: float, at_most: float) -> float:
    """The number with the fewest decimals (at least two) that is over ``below`` and not over ``at_most``."""
    for decimals in range(2, 8):
        scale = 10**decimals
        rounded = float(np.floor(at_most * scale + 1e-9) / scale)
        if below < rounded <= at_most:
            return rounded
    return at_most


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return f"{value:.7f}".rstrip("0") if round(value, 2) != value else f"{value:.2f}"
