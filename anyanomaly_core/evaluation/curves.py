"""Score and ground truth of every frame of a video for a class, smoothed as a scan stores it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, FrameLabels, LabelArray, LabelledVideo
from anyanomaly_core.evaluation.metrics import BoolArray, LabelledScores
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.protocols import smoothed_scores
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.footage.pace import Pace

ANY = "(any class)"

VideoResult = tuple[LabelledVideo, VideoPredictions]


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """One video and class. A video of which nothing could be scored has its labels and no score."""

    row: int  # of the video in the archive
    video: str
    label: str
    scores: NDArray[np.float32]  # [F] smoothed, NaN where unscored
    labels: LabelArray  # [F]
    pace: Pace = field(default_factory=Pace)  # of its frames; empty: nothing could be scored

    @property
    def labelled(self) -> BoolArray:
        """[F] frames about which somebody said something."""
        return np.asarray(self.labels != UNLABELLED)

    @property
    def scored(self) -> BoolArray:
        """[F] frames with a score."""
        return np.isfinite(self.scores)

    def unscored(self, value: int) -> int:
        """How many frames with this label have no score."""
        return int(((self.labels == value) & ~self.scored).sum())


def score_curves(label: str, results: Sequence[VideoResult], variant: Variant) -> list[ScoreCurve]:
    """Every video that is labelled for a class, or for any of them (``ANY``)."""
    found = []
    for row, (video, predictions) in enumerate(results):
        truth = _truth(label, video)
        if truth is None:
            continue
        if predictions.problem is not None:
            scores = np.full(truth.least_frames, np.nan, np.float32)
        else:
            scores = _smooth_predictions(label, predictions, variant)
        found.append(ScoreCurve(row, video.name, label, scores, truth.array(len(scores)), predictions.pace))
    return found


def labelled_scores(curves: Sequence[ScoreCurve]) -> LabelledScores:
    """The frames that are labelled and scored."""
    keep = [curve.labelled & curve.scored for curve in curves]
    if not keep:
        return LabelledScores(np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0))
    return LabelledScores(
        np.concatenate([np.full(int(k.sum()), curve.row) for curve, k in zip(curves, keep, strict=True)]),
        np.concatenate([curve.labels[k] == 1 for curve, k in zip(curves, keep, strict=True)]),
        np.concatenate([curve.scores[k] for curve, k in zip(curves, keep, strict=True)]).astype(np.float64),
    )


def _truth(label: str, video: LabelledVideo) -> FrameLabels | None:
    if label != ANY:
        return video.labels.get(label)
    return video.abnormal if video.labels or video.anomaly else None


def _smooth_predictions(label: str, predictions: VideoPredictions, variant: Variant) -> NDArray[np.float32]:
    """[F]; of any class the highest, and none where one of them has none: it may be the highest."""
    smoothed = (
        smoothed_scores(columns, variant.weights, predictions.pace, variant.smoothing)
        for name, columns in predictions.columns.items()
        if label in {ANY, name}
    )
    return reduce(np.maximum, smoothed)
