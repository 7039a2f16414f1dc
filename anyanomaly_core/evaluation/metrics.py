"""Frame-level ROC-AUC and average precision, micro and per video, with bootstrap intervals over videos.

The figures are scikit-learn's. Their intervals come from resamples of *videos*, since neighbouring frames are almost
copies of each other; all resamples are measured at once here, from counts of each video's frames at each threshold.
Ties count half in the ROC-AUC (Mann-Whitney) and fall together in the average precision: equal scores are one
threshold.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

CELLS = 2_000_000  # resamples x thresholds held at once
LEAST_VALID = 0.5  # of the resamples must hold both positive and negative frames
LEAST_VIDEOS = 3  # with either kind of frame; of fewer, resamples are a handful of numbers, or always the same


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores and ground truth of the frames that count, labelled and scored, of all videos together."""

    video: NDArray[np.int64]  # [n] which video, as a row of the archive
    positive: BoolArray  # [n]
    score: FloatArray  # [n]

    def of(self, video: int) -> "LabelledScores":
        """Labels and scores of one video."""
        own = self.video == video
        return LabelledScores(self.video[own], self.positive[own], self.score[own])

    @property
    def positive_videos(self) -> int:
        """Videos with a positive frame."""
        return len(np.unique(self.video[self.positive]))

    @property
    def negative_videos(self) -> int:
        """Videos with a negative frame."""
        return len(np.unique(self.video[~self.positive]))


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """ROC-AUC and average precision of each resample: [B] arrays; NaN where undefined."""

    auc: FloatArray
    ap: FloatArray


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of the resamples."""

    low: float
    high: float


def roc_auc(positive: BoolArray, score: FloatArray) -> float:
    """Probability that a positive frame scores above a negative one, ties counting half; NaN without both kinds."""
    if not positive.any() or positive.all():
        return float("nan")
    return float(roc_auc_score(positive, score))


def average_precision(positive: BoolArray, score: FloatArray) -> float:
    """Sum over the thresholds of (recall gained) x (precision there), no interpolation; NaN without positives."""
    return float(average_precision_score(positive, score)) if positive.any() else float("nan")


def per_video_auc(frames: LabelledScores) -> tuple[float, int]:
    """Mean ROC-AUC over the videos that have both kinds of frame, and how many those are."""
    values = []
    for video in np.unique(frames.video):
        own = frames.of(int(video))
        value = roc_auc(own.positive, own.score)
        if np.isfinite(value):
            values.append(value)
    return (float(np.mean(values)) if values else float("nan")), len(values)


def worst_case(frames: LabelledScores, unscored_positives: int, unscored_negatives: int) -> tuple[float, float]:
    """ROC-AUC and average precision if every frame without a score had been ranked as wrongly as possible.

    Unscored negative frames stand above all others, unscored positive ones below. No scores of these frames could make
    either figure lower. For the average precision no two scores are equal here, and of equal ones the wrong frame comes
    first: frames that share a threshold would share its precision, which is higher than that of each on its own.
    """
    positive = np.concatenate(
        [frames.positive, np.zeros(unscored_negatives, np.bool_), np.ones(unscored_positives, np.bool_)]
    )
    count = len(frames.score)
    extremes = np.concatenate([np.full(unscored_negatives, count + 1.0), -np.arange(float(unscored_positives))])
    tied = np.unique(frames.score, return_inverse=True)[1] + 1.0  # 1, 2, 3 ... by rising score
    untied = np.empty(count)
    untied[np.lexsort((~frames.positive, frames.score))] = np.arange(1.0, count + 1)
    return (
        roc_auc(positive, np.concatenate([tied, extremes])),
        average_precision(positive, np.concatenate([untied, extremes])),
    )


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
    if not parts:
        return RankingMetrics(undefined, undefined)
    return RankingMetrics(np.concatenate([part.auc for part in parts]), np.concatenate([part.ap for part in parts]))


def percentile_interval(values: FloatArray, videos: int) -> Interval | None:
    """The 2.5 and 97.5 % points of resamples [B].

    Args:
        values: NaN where a resample is undefined.
        videos: with a positive frame, or with a negative one, whichever are fewer.

    Returns:
        None when these are fewer than ``LEAST_VIDEOS``, or half of the resamples or more are undefined.
    """
    valid = values[np.isfinite(values)]
    if videos < LEAST_VIDEOS or len(valid) <= LEAST_VALID * len(values):
        return None
    low, high = np.percentile(valid, [2.5, 97.5])
    return Interval(float(low), float(high))


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
