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
from itertools import groupby, product
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelArray
from anyanomaly_core.evaluation.metrics import FloatArray, average_precision, roc_auc
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.profile import Smoothing
from anyanomaly_core.scoring.smoothing import smooth

HONEST, REFERENCE = "honest", "reference"
SIGMAS = tuple(range(1, 30))
FINALISTS = 20  # settings whose AUC is computed exactly; the search among all goes by scores in 2^16 steps
IMAGES = ("key", "position", "temporal")
ImageScores = Mapping[str, NDArray[np.float32]]  # "score" and IMAGES -> [F] before smoothing, NaN where unscored
Weights = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LabelOptimum:
    """What the reference protocol chose, looking at the labels, and what it reached."""

    auc: float
    ap: float
    weights: Weights | None  # None: there was one score only
    sigma: int


def fuse_answers(columns: ImageScores, weights: Weights | None) -> NDArray[np.float32]:
    """[F] weighted mean of the three images' scores; the scorer's own score when ``weights`` is None."""
    if weights is None:
        return columns["score"]
    used = [(columns[name], weight) for name, weight in zip(IMAGES, weights, strict=True) if weight > 0]
    total = sum(weight for _, weight in used)
    return np.asarray(sum(column * (weight / total) for column, weight in used), np.float32)


def smoothed_scores(
    columns: ImageScores, weights: Weights | None, pace: Pace, smoothing: Smoothing
) -> NDArray[np.float32]:
    """[F] smoothed inside the video, as a scan stores it; NaN where unscored."""
    return smooth(fuse_answers(columns, weights), pace, smoothing)


def optimum_on_labels(videos: Sequence[tuple[LabelArray, ImageScores]], *, single_score: bool) -> LabelOptimum | None:
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
    settings = [(sigma, weights) for sigma in SIGMAS for weights in ((None,) if single_score else _grid())]
    quick: list[float] = []
    for sigma, own in groupby(settings, key=itemgetter(0)):
        smoothed = [gaussian_filter1d(column, sigma) for column in raw]  # linear: smooth once, then weigh
        quick += [_binned_auc(positive, _weigh(smoothed, weights)) for _, weights in own]
    finalists = []
    for place in np.argsort(quick, kind="stable")[::-1][:FINALISTS]:
        sigma, weights = settings[place]
        score = _weigh([gaussian_filter1d(column, sigma) for column in raw], weights)
        finalists.append(LabelOptimum(roc_auc(positive, score), average_precision(positive, score), weights, sigma))
    return max(finalists, key=lambda optimum: optimum.auc)


def _usable(labels: LabelArray, columns: ImageScores, names: Sequence[str]) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = labels != UNLABELLED
    for name in names:
        usable = usable & np.isfinite(columns[name])
    return usable


def _grid() -> list[Weights]:
    """Weights in steps of a tenth that sum to 1."""
    tenths = range(11)
    return [(a / 10, b / 10, (10 - a - b) / 10) for a, b in product(tenths, tenths) if a + b <= 10]  # noqa: PLR2004


def _weigh(columns: Sequence[FloatArray], weights: Weights | None) -> FloatArray:
    """[F] the columns put together, min-max normalised as the reference does; it changes no ranking."""
    if weights is None:
        score = columns[0]
    else:
        score = np.asarray(sum(column * weight for column, weight in zip(columns, weights, strict=True)))
    span = score.max() - score.min()
    return (score - score.min()) / span if span > 0 else np.zeros_like(score)


def _binned_auc(positive: NDArray[np.bool_], score: FloatArray) -> float:
    """ROC-AUC of scores in 0..1 that count as equal within a 65,536th: a tenth of scikit-learn's time."""
    place = (score * 65535).astype(np.int64)
    hits = np.bincount(place[positive], minlength=65536)
    alarms = np.bincount(place[~positive], minlength=65536)
    below = np.cumsum(alarms) - alarms / 2
    return float((hits * below).sum() / (hits.sum() * alarms.sum()))
