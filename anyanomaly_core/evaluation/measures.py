"""The figures of one variant: each class, any class and their mean, with intervals and differences to the profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anyanomaly_core import watchdog
from anyanomaly_core.evaluation import metrics, protocols
from anyanomaly_core.evaluation.curves import ANY, ScoreCurve, VideoResult, labelled_scores
from anyanomaly_core.evaluation.event_metrics import EVENT_METRICS, count_events, event_figures
from anyanomaly_core.evaluation.metrics import FloatArray, Interval, LabelledScores
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.variants import Variant

MEAN = "(mean of classes)"
AUC, AP, VIDEO_AUC = "roc_auc", "average_precision", "roc_auc_per_video"
WITH_INTERVALS = (AUC, AP, *EVENT_METRICS)

Curves = Mapping[str, Sequence[ScoreCurve]]  # by class and ANY


@dataclass(frozen=True, slots=True)
class Basis:
    """The footage that a figure stands on, and what it leaves out for want of a score."""

    videos: int = 0  # that show the class; of VIDEO_AUC: that were averaged
    frames: int = 0  # labelled and scored
    positives: int = 0  # of these, frames that show the class
    unscored_positives: int = 0  # frames that show the class and have no score
    unscored_negatives: int = 0
    classes: int = 1  # of MEAN: how many it is the mean of

    @property
    def all_positives(self) -> int:
        """Frames that show the class, with or without a score."""
        return self.positives + self.unscored_positives

    @property
    def unscored(self) -> int:
        """Labelled frames without a score."""
        return self.unscored_positives + self.unscored_negatives


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. Intervals: 95 %, bootstrap over videos; None where there are too few videos to say."""

    variant: str
    group: str
    protocol: str
    label: str  # class, ANY or MEAN
    metric: str
    value: float
    basis: Basis
    interval: Interval | None = None
    difference: float | None = None  # to the profile as it is, on the same resamples
    difference_interval: Interval | None = None
    worst: float | None = None  # the figure if every unscored frame had been ranked as wrongly as possible
    tuned: str | None = None  # what was chosen by looking at the labels


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of a class, or of their mean, under one variant."""

    value: float
    resamples: FloatArray  # [B]
    videos: int  # with a positive or with a negative frame, whichever are fewer
    worst: float

    @property
    def interval(self) -> Interval | None:
        """Confidence interval; None where there are too few videos to say."""
        return metrics.percentile_interval(self.resamples, self.videos)


Estimates = dict[tuple[str, str], Estimate]  # by label and metric


def honest_measures(
    variant: Variant, curves: Curves, draws: FloatArray, baseline: Estimates | None
) -> tuple[list[Measure], Estimates]:
    """Figures whose labels only judge.

    Args:
        variant: that was scored.
        curves: of that variant.
        draws: [B, V] how often each video is in each resample, the same for every variant.
        baseline: estimates of the profile as it is; None: this is the profile.

    Returns:
        The figures, and the estimates of each class behind them.
    """
    measures: list[Measure] = []
    estimates: Estimates = {}
    bases: dict[str, Basis] = {}
    for label, own in curves.items():
        watchdog.feed()
        frames = labelled_scores(own)
        basis = bases[label] = _basis(frames, own)
        estimates |= {(label, metric): found for metric, found in _estimates(frames, basis, draws).items()}
        estimates |= {(label, metric): found for metric, found in _event_estimates(own, draws).items()}
        for metric in WITH_INTERVALS:
            before = None if baseline is None else baseline[label, metric]
            estimate = estimates[label, metric]
            if metric in EVENT_METRICS and not np.isfinite(estimate.value):
                continue  # nothing is labelled, or nothing reported: there is no such figure
            if metric in EVENT_METRICS and before is not None and not np.isfinite(before.value):
                before = None
            measures.append(_measure(variant, label, metric, estimate, basis, pair=(estimate, before)))
        inside, averaged = metrics.per_video_auc(frames)
        per_video = replace(basis, videos=averaged)
        measures.append(Measure(variant.name, variant.group, HONEST, label, VIDEO_AUC, inside, per_video))
    bases.pop(ANY, None)
    for metric in WITH_INTERVALS:
        measures += _mean(variant, metric, {name: estimates[name, metric] for name in bases}, bases, baseline)
    return measures, estimates


def reference_measures(variant: Variant, curves: Curves, results: Sequence[VideoResult]) -> list[Measure]:
    """The reference protocol of each class. Only for variants that were scored as they are: it tunes the rest."""
    if variant.weights is not None or variant.sigma is not None:
        return []
    measures: list[Measure] = []
    for label in (label for label in curves if label != ANY):
        videos = [
            (video.labels[label].array(predictions.frame_count), predictions.columns[label])
            for video, predictions in results
            if label in video.labels and label in predictions.columns
        ]
        best = protocols.optimum_on_labels(videos, single_score=variant.single_score) if videos else None
        if best is None:
            continue
        weights = "" if best.weights is None else f"weights {' / '.join(f'{w:g}' for w in best.weights)}, "
        tuned, basis = f"{weights}sigma {best.sigma}", _basis(labelled_scores(curves[label]), curves[label])
        measures += [
            Measure(variant.name, variant.group, REFERENCE, label, metric, value, basis, tuned=tuned)
            for metric, value in ((AUC, best.auc), (AP, best.ap))
        ]
    for metric in (AUC, AP):
        own = [measure for measure in measures if measure.metric == metric]
        if own:
            value, basis = float(np.mean([measure.value for measure in own])), _sum([measure.basis for measure in own])
            measures.append(
                Measure(variant.name, variant.group, REFERENCE, MEAN, metric, value, basis, tuned="each class its own")
            )
    return measures


def _basis(frames: LabelledScores, curves: Sequence[ScoreCurve]) -> Basis:
    return Basis(
        frames.positive_videos,
        len(frames.score),
        int(frames.positive.sum()),
        sum(curve.unscored(1) for curve in curves),
        sum(curve.unscored(0) for curve in curves),
    )


def _sum(bases: Sequence[Basis]) -> Basis:
    """The basis of the mean of so many classes."""
    return Basis(
        frames=sum(basis.frames for basis in bases),
        positives=sum(basis.positives for basis in bases),
        unscored_positives=sum(basis.unscored_positives for basis in bases),
        unscored_negatives=sum(basis.unscored_negatives for basis in bases),
        classes=len(bases),
    )


def _estimates(frames: LabelledScores, basis: Basis, draws: FloatArray) -> dict[str, Estimate]:
    """Estimates by metric."""
    resamples = metrics.bootstrap_metrics(frames, draws)
    worst = metrics.worst_case(frames, basis.unscored_positives, basis.unscored_negatives)
    videos = min(frames.positive_videos, frames.negative_videos)
    auc = metrics.roc_auc(frames.positive, frames.score)
    ap = metrics.average_precision(frames.positive, frames.score)
    return {AUC: Estimate(auc, resamples.auc, videos, worst[0]), AP: Estimate(ap, resamples.ap, videos, worst[1])}


def _event_estimates(curves: Sequence[ScoreCurve], draws: FloatArray) -> dict[str, Estimate]:
    """By metric; what an unscored frame could do to an event is not said."""
    videos = draws.shape[1]
    counts = count_events(curves, videos)
    values, resamples = event_figures(counts, np.ones((1, videos))), event_figures(counts, draws)
    return {
        metric: Estimate(float(values[metric][0]), resamples[metric], counts.videos, float("nan"))
        for metric in EVENT_METRICS
    }


def _mean(
    variant: Variant,
    metric: str,
    classes: Mapping[str, Estimate],
    bases: Mapping[str, Basis],
    baseline: Estimates | None,
) -> list[Measure]:
    """The mean over the classes that have a figure; it is compared over those that have one under the profile too."""
    own = [name for name, estimate in classes.items() if np.isfinite(estimate.value)]
    if not own:
        return []
    shared = [name for name in own if baseline is not None and np.isfinite(baseline[name, metric].value)]
    before = None
    if baseline is not None and shared:
        before = _mean_estimate([baseline[name, metric] for name in shared])
    every = _sum(list(bases.values()))  # a class without a figure lacks scores too
    basis = replace(
        _sum([bases[name] for name in own]),
        unscored_positives=every.unscored_positives,
        unscored_negatives=every.unscored_negatives,
    )
    # A class of which no positive frame has a score has no figure, but a worst one.
    worst = [estimate.worst for estimate in classes.values() if np.isfinite(estimate.worst)]
    mean = replace(
        _mean_estimate([classes[name] for name in own]), worst=float(np.mean(worst)) if worst else float("nan")
    )
    compared = _mean_estimate([classes[name] for name in shared]) if shared else mean
    return [_measure(variant, MEAN, metric, mean, basis, pair=(compared, before))]


def _mean_estimate(classes: Sequence[Estimate]) -> Estimate:
    """The mean over classes; a resample in which one class is undefined has none, so that no two means mix classes."""
    return Estimate(
        float(np.mean([e.value for e in classes])),
        np.mean([e.resamples for e in classes], axis=0),
        min(e.videos for e in classes),
        float(np.mean([e.worst for e in classes])),
    )


def _measure(
    variant: Variant,
    label: str,
    metric: str,
    estimate: Estimate,
    basis: Basis,
    *,
    pair: tuple[Estimate, Estimate | None],
) -> Measure:
    """``pair``: what is compared, and the same under the profile as it is."""
    here, there = pair
    difference = None if there is None else _difference(here, there)
    return Measure(
        variant.name,
        variant.group,
        HONEST,
        label,
        metric,
        estimate.value,
        basis,
        estimate.interval,
        None if difference is None else difference.value,
        None if difference is None else difference.interval,
        estimate.worst if basis.unscored and np.isfinite(estimate.worst) else None,
    )


def _difference(here: Estimate, there: Estimate) -> Estimate:
    videos = min(here.videos, there.videos)
    return Estimate(here.value - there.value, here.resamples - there.resamples, videos, here.worst - there.worst)
