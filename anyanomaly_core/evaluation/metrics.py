"""Frame-level ROC-AUC and average precision, micro and per video, with bootstrap intervals over videos.

Ties count half in the ROC-AUC (Mann-Whitney) and fall together in the average precision: equal scores are one
threshold. Videos, not frames, are resampled: neighbouring frames are almost copies of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Bools = NDArray[np.bool_]

CELLS = 4_000_000  # resamples x frames held at once
LEAST_VALID = 0.5  # of the resamples must hold both positive and negative frames


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that count: labelled and scored, of all videos together."""

    video: NDArray[np.int64]  # [n] which video, as a row of the archive
    positive: Bools  # [n]
    score: Reals  # [n]

    def of(self, video: int) -> "Frames":
        """Those of one video."""
        own = self.video == video
        return Frames(self.video[own], self.positive[own], self.score[own])


@dataclass(frozen=True, slots=True)
class Pair:
    """ROC-AUC and average precision of one or many resamples: floats, or [B] arrays; NaN where undefined."""

    auc: Reals
    ap: Reals


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of the resamples."""

    low: float
    high: float


def roc_auc(positive: Bools, score: Reals) -> float:
    """Probability that a positive frame scores above a negative one, ties counting half; NaN without both kinds."""
    return float(_measure(positive, score, np.ones((1, len(score)))).auc[0])


def average_precision(positive: Bools, score: Reals) -> float:
    """Sum over the thresholds of (recall gained) x (precision there), no interpolation; NaN without positives."""
    return float(_measure(positive, score, np.ones((1, len(score)))).ap[0])


def per_video_auc(frames: Frames) -> tuple[float, int]:
    """Mean ROC-AUC over the videos that have both kinds of frame, and how many those are."""
    values = []
    for video in np.unique(frames.video):
        own = frames.of(int(video))
        value = roc_auc(own.positive, own.score)
        if np.isfinite(value):
            values.append(value)
    return (float(np.mean(values)) if values else float("nan")), len(values)


def draw_videos(videos: int, resamples: int, seed: int = 0) -> Reals:
    """[B, V]: how often each video turns up in each resample of V videos drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, videos, (resamples, videos))
    counts = np.zeros((resamples, videos))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1.0)
    return counts


def resampled(frames: Frames, draws: Reals) -> Pair:
    """Both metrics of every resample, [B]; NaN where a resample holds no positive or no negative frame."""
    if not len(frames.score):
        empty = np.full(len(draws), np.nan)
        return Pair(empty, empty)
    rows = max(1, CELLS // len(frames.score))
    parts = [
        _measure(frames.positive, frames.score, draws[start : start + rows, frames.video])
        for start in range(0, len(draws), rows)
    ]
    return Pair(np.concatenate([part.auc for part in parts]), np.concatenate([part.ap for part in parts]))


def interval(values: Reals) -> Interval | None:
    """The 2.5 and 97.5 % points of resamples [B]; None when half of them or more are undefined."""
    valid = values[np.isfinite(values)]
    if len(valid) <= LEAST_VALID * len(values):
        return None
    low, high = np.percentile(valid, [2.5, 97.5])
    return Interval(float(low), float(high))


def mean_over(parts: Sequence[Reals]) -> Reals:
    """[B] mean over classes of each resample; classes that are undefined in a resample are left out of its mean."""
    stacked = np.stack(parts)  # [C, B]
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _measure(positive: Bools, score: Reals, weights: Reals) -> Pair:
    """Both metrics under weights [b, n] of the frames [n]."""
    if not len(score):
        return Pair(np.full(len(weights), np.nan), np.full(len(weights), np.nan))
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # last frame of each distinct score
    sorted_weights = weights[:, order]
    hits = np.cumsum(sorted_weights * positive[order], axis=1)[:, ends]  # [b, thresholds]
    alarms = np.cumsum(sorted_weights, axis=1)[:, ends] - hits
    p, n = hits[:, -1], alarms[:, -1]
    before_hits = np.concatenate([np.zeros((len(weights), 1)), hits[:, :-1]], axis=1)
    before_alarms = np.concatenate([np.zeros((len(weights), 1)), alarms[:, :-1]], axis=1)
    area = ((alarms - before_alarms) * (hits + before_hits) / 2).sum(axis=1)
    precision = hits / np.maximum(hits + alarms, 1e-300)
    gained = ((hits - before_hits) * precision).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = np.where((p > 0) & (n > 0), area / (p * n), np.nan)
        ap = np.where(p > 0, gained / p, np.nan)
    return Pair(auc, ap)
