"""Is a score of 0.7 right seven times in ten? Reliability curves, and maps from score to probability.

A map is learned from verdicts on one rule's events (``learn``) and is used only where somebody asks for it: scores in
the database stay what the models said. Platt's map is a logistic curve through smoothed targets (Platt 1999); the
isotonic one is the best non-decreasing step function, read between its steps by straight lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from anyanomaly_core.errors import ConfigurationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Method = Literal["platt", "isotonic"]

LEAST_OF_EACH = 5  # right and wrong examples below which no map is learned
PLATT_KNOTS = 41  # the curve is kept as points with straight lines between: within 0.002 for slopes up to 20


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bar of a reliability curve."""

    low: float
    high: float
    count: int
    mean_score: float
    share_right: float


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """Score to probability, by straight lines between knots; constant outside them."""

    method: Method
    scores: tuple[float, ...]  # increasing
    probabilities: tuple[float, ...]  # non-decreasing, each in 0..1
    right: int  # examples learned from
    wrong: int

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Probabilities [n] of scores [n]; NaN stays NaN."""
        return np.interp(scores, self.scores, self.probabilities)


def reliability(scores: FloatArray, right: BoolArray, bins: int = 10) -> list[ReliabilityBin]:
    """How often scores [n] were right [n], in equal steps of the score; empty steps are left out."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            step / bins,
            (step + 1) / bins,
            int(own.sum()),
            float(scores[own].mean()),
            float(right[own].mean()),
        )
        for step in range(bins)
        if (own := place == step).any()
    ]


def calibration_error(curve: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: mean distance of score and share, weighed by the counts."""
    total = sum(bar.count for bar in curve)
    return sum(bar.count * abs(bar.mean_score - bar.share_right) for bar in curve) / total if total else float("nan")


def fit_score_map(scores: FloatArray, right: BoolArray, method: Method) -> ScoreMap:
    """The map for one rule.

    Args:
        scores: [n] peak scores of its events.
        right: [n] whether a reviewer confirmed them.
        method: ``platt`` needs few examples; ``isotonic`` follows any rising shape, and needs some dozens.

    Raises:
        ConfigurationError: with fewer than five right or five wrong examples.
    """
    confirmed = int(right.sum())
    rejected = len(right) - confirmed
    if min(confirmed, rejected) < LEAST_OF_EACH:
        raise ConfigurationError(
            f"There are {confirmed} confirmed and {rejected} rejected events; "
            f"a map needs {LEAST_OF_EACH} of each. Review more of this rule's events."
        )
    knots, values = (_platt if method == "platt" else _isotonic)(scores.astype(np.float64), right)
    return ScoreMap(method, tuple(map(float, knots)), tuple(map(float, values)), confirmed, rejected)


def _platt(scores: FloatArray, right: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Maximum likelihood of p = 1 / (1 + exp(-(a s + b))), a >= 0, towards Platt's targets."""
    confirmed = int(right.sum())
    rejected = len(right) - confirmed
    targets = np.where(right, (confirmed + 1) / (confirmed + 2), 1 / (rejected + 2))

    def loss(ab: FloatArray) -> tuple[float, FloatArray]:
        z = ab[0] * scores + ab[1]
        gap = expit(z) - targets
        return float((np.logaddexp(0, z) - targets * z).sum()), np.array([(gap * scores).sum(), gap.sum()])

    start = np.array([1.0, float(np.log((confirmed + 1) / (rejected + 1)))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    knots = np.linspace(0.0, 1.0, PLATT_KNOTS)
    return knots, expit(found.x[0] * knots + found.x[1])


def _isotonic(scores: FloatArray, right: BoolArray) -> tuple[FloatArray, FloatArray]:
    """scikit-learn's thresholds; a single one is repeated, since a map has two ends."""
    fitted = IsotonicRegression().fit(scores, right)
    knots, values = fitted.X_thresholds_, fitted.y_thresholds_
    return (knots, values) if len(knots) > 1 else (np.repeat(knots, 2), np.repeat(values, 2))
