"""Frame-level ROC-AUC and average precision, micro and per video, with bootstrap intervals over videos.

Ties count half in the ROC-AUC (Mann-Whitney) and fall together in the average precision: equal scores are one
threshold. Videos, not frames, are resampled: neighbouring frames are almost copies of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

CELLS = 2_000_000  # resamples x thresholds held at once
LEAST_VALID = 0.5  # of the resamples must hold both positive and negative frames
LEAST_VIDEOS = 3  # of fewer, resamples are but a handful of numbers, or always the same


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """The frames that count: labelled and scored, of all videos together."""

    video: NDArray[np.int64]  # [n] which video, as a row of the archive
    positive: BoolArray  # [n]
    score: FloatArray  # [n]

    def of(self, video: int) -> "LabelledScores":
        """Those of one video."""
        own = self.video == video
        return LabelledScores(self.video[own], self.positive[own], self.score[own])


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """ROC-AUC and average precision of one or many resamples: floats, or [B] arrays; NaN where undefined."""

    auc: FloatArray
    ap: FloatArray


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of the resamples."""

    low: float
    high: float


def roc_auc(positive: BoolArray, score: FloatArray) -> float:
    """Probability that a positive frame scores above a negative one, ties counting half; NaN without both kinds."""
    hits, alarms = score[positive], np.sort(score[~positive])
    if not len(hits) or not len(alarms):
        return float("nan")
    below = np.searchsorted(alarms, hits, "left") + np.searchsorted(alarms, hits, "right")
    return float(below.mean(dtype=np.float64) / 2 / len(alarms))


def average_precision(positive: BoolArray, score: FloatArray) -> float:
    """Sum over the thresholds of (recall gained) x (precision there), no interpolation; NaN without positives."""
    frames = LabelledScores(np.zeros(len(score), np.int64), positive, score)
    return float(bootstrap_metrics(frames, np.ones((1, 1))).ap[0])


def per_video_auc(frames: LabelledScores) -> tuple[float, int]:
    """Mean ROC-AUC over the videos that have both kinds of frame, and how many those are."""
    values = []
    for video in np.unique(frames.video):
        own = frames.of(int(video))
        value = roc_auc(own.positive, own.score)
        if np.isfinite(value):
            values.append(value)
    return (float(np.mean(values)) if values else float("nan")), len(values)


def draw_resamples(videos: int, resamples: int, seed: int = 0) -> FloatArray:
    """[B, V]: how often each video turns up in each resample of V videos drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, videos, (resamples, videos))
    counts = np.zeros((resamples, videos))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1.0)
    return counts


def bootstrap_metrics(frames: LabelledScores, draws: FloatArray) -> RankingMetrics:
    """Both metrics of every resample; NaN where a resample holds no positive or no negative frame.

    Both change only at the scores of positive frames. How many frames of each video lie at or above each of those is
    counted once; a resample is then a weighted sum over videos.

    Args:
        frames: that count.
        draws: [B, V] how often each video is in each resample.
    """
    counts = _Counts.of(frames, draws.shape[1])
    undefined = np.full(len(draws), np.nan)
    if not len(counts.hits):
        return RankingMetrics(undefined, undefined)
    rows = max(1, CELLS // len(counts.hits))
    parts = [_measure(counts, draws[start : start + rows].astype(np.float32)) for start in range(0, len(draws), rows)]
    return RankingMetrics(np.concatenate([part.auc for part in parts]), np.concatenate([part.ap for part in parts]))


def percentile_interval(values: FloatArray, videos: int) -> Interval | None:
    """The 2.5 and 97.5 % points of resamples [B] of so many videos.

    None when half of the resamples or more are undefined, or the videos are fewer than ``LEAST_VIDEOS``.
    """
    valid = values[np.isfinite(values)]
    if videos < LEAST_VIDEOS or len(valid) <= LEAST_VALID * len(values):
        return None
    low, high = np.percentile(valid, [2.5, 97.5])
    return Interval(float(low), float(high))


def mean_of_classes(parts: Sequence[FloatArray]) -> FloatArray:
    """[B] mean over classes of each resample; classes that are undefined in a resample are left out of its mean."""
    stacked = np.stack(parts)  # [C, B]
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Frames of each video at or above each distinct score of a positive frame, highest first. Exact in float32."""

    hits: Float32Array  # [K, V] positive frames with at least that score
    alarms: Float32Array  # [K, V] negative frames with at least that score
    above: Float32Array  # [K, V] negative frames with a higher one
    negatives: Float32Array  # [V]

    @classmethod
    def of(cls, frames: LabelledScores, videos: int) -> "_Counts":
        negative = ~frames.positive
        rising = np.unique(frames.score[frames.positive])
        steps = len(rising)

        def counted(of: BoolArray, side: Literal["left", "right"]) -> Float32Array:
            """[K, V]: the frames whose score is >= (right) or > (left) each threshold."""
            place = steps - np.searchsorted(rising, frames.score[of], side)  # first threshold that they pass
            table = np.zeros((steps + 1, videos), np.float32)
            np.add.at(table, (place, frames.video[of]), 1)
            return np.cumsum(table[:steps], axis=0)

        totals = np.bincount(frames.video[negative], minlength=videos).astype(np.float32)
        return cls(counted(frames.positive, "right"), counted(negative, "right"), counted(negative, "left"), totals)


def _measure(counts: _Counts, weights: Float32Array) -> RankingMetrics:
    """Both metrics under the weights [b, V] of the videos."""
    hits, alarms, above = (
        (weights @ table.T).astype(np.float64) for table in (counts.hits, counts.alarms, counts.above)
    )  # [b, K]
    positives, negatives = hits[:, -1], (weights @ counts.negatives).astype(np.float64)
    gained = np.diff(hits, axis=1, prepend=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(hits > 0, hits / (hits + alarms), 0.0)
        below = negatives[:, None] - (alarms + above) / 2  # ties count half
        auc = np.where(
            (positives > 0) & (negatives > 0), (gained * below).sum(axis=1) / (positives * negatives), np.nan
        )
        ap = np.where(positives > 0, (gained * precision).sum(axis=1) / positives, np.nan)
    return RankingMetrics(auc, ap)
