"""Is a score of 0.7 right seven times in ten? Reliability curves and the expected calibration error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.evaluation.metrics import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bar of a reliability curve."""

    low: float
    high: float
    count: int
    mean_score: float
    share_right: float


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
