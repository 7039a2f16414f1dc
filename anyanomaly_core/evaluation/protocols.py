"""The two protocols: what is fixed before a label is seen, and what is tuned on the labels.

``honest``: the profile's weights and sigma, smoothing inside each video; labels only judge.

``reference``: what the paper's code does (its evaluation function; section 4 of the paper). The frames of all test
videos are joined, smoothed across the joints, min-max normalised, and both the smoothing (sigma 1 to 29) and the fusion
weights (steps of 0.1) are those with the best AUC *on the test labels*. Its figures are upper ends, to be compared
with the published tables and nothing else. Two differences remain: the reference drops the incomplete last segment of
a video, we score it; frames without score are left out of the joined row, the reference has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelArray
from anyanomaly_core.evaluation.metrics import FloatArray, LabelledScores, average_precision, roc_auc
from anyanomaly_core.scoring.smoothing import smooth

HONEST, REFERENCE = "honest", "reference"
SIGMAS = tuple(range(1, 30))
EXACT_UP_TO = 100_000  # frames; the search among more compares AUCs of scores in 2^16 steps, the winner's is exact
IMAGES = ("key", "position", "temporal")
ImageScores = Mapping[str, NDArray[np.float32]]  # "score" and IMAGES -> [F] before smoothing, NaN where unscored
Weights = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TestSetOptimum:
    """What the reference protocol chose, looking at the labels, and what it reached."""

    auc: float
    ap: float
    weights: Weights | None  # None: there was one score only
    sigma: int


def fuse(columns: ImageScores, weights: Weights | None) -> NDArray[np.float32]:
    """[F] weighted mean of the three images' scores; the scorer's own score when ``weights`` is None."""
    if weights is None:
        return columns["score"]
    used = [(columns[name], weight) for name, weight in zip(IMAGES, weights, strict=True) if weight > 0]
    total = sum(weight for _, weight in used)
    return np.asarray(sum(column * (weight / total) for column, weight in used), np.float32)


def smoothed_scores(columns: ImageScores, weights: Weights | None, sigma: float) -> NDArray[np.float32]:
    """[F] smoothed inside the video, as a scan stores it; NaN where unscored."""
    return smooth(fuse(columns, weights), sigma)


def counted(videos: Sequence[tuple[int, LabelArray, NDArray[np.float32]]]) -> LabelledScores:
    """The frames that are labelled and scored; each item is (row of the archive, labels [F], scores [F])."""
    parts = []
    for row, labels, scores in videos:
        keep = (labels != UNLABELLED) & np.isfinite(scores)
        kept = int(keep.sum())
        parts.append((np.full(kept, row), labels[keep] == 1, scores[keep].astype(np.float64)))
    if not parts:
        return LabelledScores(np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0))
    rows, positive, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return LabelledScores(rows, positive, score)


def optimum_on_labels(videos: Sequence[tuple[LabelArray, ImageScores]], *, single_score: bool) -> TestSetOptimum | None:
    """The reference protocol for one class; None when there are not both positive and negative frames.

    Args:
        videos: labels and columns of each, in the order in which they are joined.
        single_score: the scorer has no separate images (baseline, clip), so only sigma is chosen.
    """
    names = ("score",) if single_score else IMAGES
    keep = [_usable(labels, columns, names) for labels, columns in videos]
    positive = np.concatenate([labels[k] == 1 for (labels, _), k in zip(videos, keep, strict=True)])
    if positive.all() or not positive.any():
        return None
    raw = [
        np.concatenate([columns[name][k] for (_, columns), k in zip(videos, keep, strict=True)]).astype(np.float64)
        for name in names
    ]
    best: tuple[float, FloatArray, Weights | None, int] | None = None
    for sigma in SIGMAS:
        smoothed = [gaussian_filter1d(column, sigma) for column in raw]  # linear: smooth once, then weigh
        for weights in (None,) if single_score else _grid():
            score = _min_max(smoothed[0] if weights is None else _weigh(smoothed, weights))
            auc = roc_auc(positive, score) if len(score) <= EXACT_UP_TO else _binned_auc(positive, score)
            if best is None or auc > best[0]:
                best = auc, score, weights, sigma
    if best is None:
        return None
    _, score, weights, sigma = best
    return TestSetOptimum(roc_auc(positive, score), average_precision(positive, score), weights, sigma)


def _usable(labels: LabelArray, columns: ImageScores, names: Sequence[str]) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = labels != UNLABELLED
    for name in names:
        usable = usable & np.isfinite(columns[name])
    return usable


def _grid() -> list[Weights]:
    """Weights in steps of a tenth that sum to 1."""
    tenths = range(11)
    return [(a / 10, b / 10, (10 - a - b) / 10) for a, b in product(tenths, tenths) if a + b <= 10]  # noqa: PLR2004


def _weigh(columns: Sequence[FloatArray], weights: Weights) -> FloatArray:
    return np.asarray(sum(column * weight for column, weight in zip(columns, weights, strict=True)))


def _binned_auc(positive: NDArray[np.bool_], score: FloatArray) -> float:
    """ROC-AUC of scores in 0..1 that count as equal within a 65,536th; quick where sorting is not."""
    place = (score * 65535).astype(np.int64)
    hits = np.bincount(place[positive], minlength=65536)
    alarms = np.bincount(place[~positive], minlength=65536)
    below = np.cumsum(alarms) - alarms / 2
    return float((hits * below).sum() / (hits.sum() * alarms.sum()))


def _min_max(score: FloatArray) -> FloatArray:
    span = score.max() - score.min()
    return (score - score.min()) / span if span > 0 else np.zeros_like(score)
