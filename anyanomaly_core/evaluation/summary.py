"""From scored videos to figures: every variant, class and protocol, with intervals and differences to the profile."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation import metrics, protocols
from anyanomaly_core.evaluation.cascades import CascadeCost, cascade_costs
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelArray, LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.metrics import FloatArray, Interval, LabelledScores
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.scoring.types import Status

MEAN, ANY = "(mean of classes)", "(any class)"
AUC, AP, VIDEO_AUC = "roc_auc", "average_precision", "roc_auc_per_video"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. Intervals: 95 %, bootstrap over videos; None where the resamples say nothing."""

    variant: str
    group: str
    protocol: str
    label: str  # class, MEAN or ANY
    metric: str
    value: float
    interval: Interval | None = None
    difference: float | None = None  # to the profile as it is, on the same resamples
    difference_interval: Interval | None = None
    videos: int = 0  # that show the class, or (VIDEO_AUC) that were averaged
    positives: int = 0  # frames
    frames: int = 0  # labelled and scored
    tuned: str | None = None  # what was chosen by looking at the labels


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What went into a variant's figures, in frames x classes, and what could not."""

    counted: int = 0  # labelled and scored
    unlabelled: int = 0
    unscored: int = 0  # labelled, but without score: never taken for 0
    not_in_footage: int = 0  # labelled frames that the decoded video does not have
    rows_failed: int = 0  # (segment, class) rows


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Scores of a video for a class under the profile as it is."""

    video: str
    label: str
    scores: NDArray[np.float32]  # [F] smoothed, NaN where unscored
    labels: LabelArray  # [F]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a report shows."""

    archive: LabelledArchive
    variants: tuple[Variant, ...]
    measures: list[Measure] = field(default_factory=list)
    counts: dict[str, FrameCounts] = field(default_factory=dict)  # by variant
    curves: list[ScoreCurve] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # video -> why it has no scores
    failures: Counter[str] = field(default_factory=Counter)  # (segment, class) rows of other videos, by reason
    cascades: list[CascadeCost] = field(default_factory=list)  # of variants that have one

    def find(self, variant: str, label: str, metric: str, protocol: str = HONEST) -> Measure | None:
        """One measure, or None."""
        wanted = (variant, label, metric, protocol)
        found = (m for m in self.measures if (m.variant, m.label, m.metric, m.protocol) == wanted)
        return next(found, None)


Predictions = Sequence[tuple[LabelledVideo, Sequence[VideoPredictions]]]  # one VideoPredictions per variant


def summarize(
    archive: LabelledArchive,
    variants: Sequence[Variant],
    scored: Predictions,
    *,
    chosen: Sequence[str] = (HONEST, REFERENCE),
    resamples: int = 1000,
    seed: int = 0,
) -> Summary:
    """All figures.

    Args:
        archive: whose labels judge.
        variants: the first is the profile as it is, to which the others are compared.
        scored: as ``BenchmarkRun.score`` yields it.
        chosen: protocols.
        resamples: of the videos, the same ones for every class and variant.
        seed: of the resamples.
    """
    summary = Summary(archive, tuple(variants))
    draws = np.vstack([np.ones((1, len(scored))), metrics.draw_resamples(len(scored), resamples, seed)])
    labels = [*archive.classes, *([ANY] if len(archive.classes) > 1 else [])]
    base: dict[tuple[str, str], FloatArray] = {}
    for number, variant in enumerate(variants):
        own = [(video, versions[number]) for video, versions in scored]
        curves = {label: _curves(label, own, variant) for label in labels}
        summary.counts[variant.name] = _counts(own, [c for name in archive.classes for _, c in curves[name]])
        if HONEST in chosen:
            summary.measures.extend(_honest(variant, curves, draws, base))
        if REFERENCE in chosen:
            summary.measures.extend(_reference(variant, archive.classes, own))
        if number == 0:
            summary.curves.extend(curve for name in archive.classes for _, curve in curves[name])
            summary.problems.update({v.name: s.problem for v, s in own if s.problem is not None})
            for _, scores in own:
                summary.failures.update(scores.failures)
    summary.cascades.extend(cascade_costs(variants, scored, archive.classes))
    return summary


def _curves(
    label: str, own: Sequence[tuple[LabelledVideo, VideoPredictions]], variant: Variant
) -> list[tuple[int, ScoreCurve]]:
    """(row of the archive, curve) of each video that was scored and labelled for a class."""
    found = []
    for row, (video, scores) in enumerate(own):
        stated = video.abnormal if label == ANY else video.labels.get(label)
        if stated is None or scores.problem is not None or (label == ANY and not video.labels and not video.anomaly):
            continue
        smoothed = {
            name: protocols.smoothed_scores(columns, variant.weights, variant.smoothing)
            for name, columns in scores.columns.items()
            if label in {ANY, name}
        }
        highest = reduce(np.maximum, smoothed.values())  # NaN where one class has no score
        found.append((row, ScoreCurve(video.name, label, highest, stated.array(scores.frame_count))))
    return found


def _honest(
    variant: Variant,
    curves: dict[str, list[tuple[int, ScoreCurve]]],
    draws: FloatArray,
    base: dict[tuple[str, str], FloatArray],
) -> list[Measure]:
    """Figures of one variant; those of the first variant are put into ``base``."""
    measures, parts = [], {AUC: [], AP: []}  # type: ignore[var-annotated]
    most_videos = 0  # behind any one class
    first = not base
    for label, own in curves.items():
        frames = protocols.counted([(row, curve.labels, curve.scores) for row, curve in own])
        pair = metrics.bootstrap_metrics(frames, draws)
        most_videos = most_videos if label == ANY else max(most_videos, len(np.unique(frames.video)))
        for metric, values in ((AUC, pair.auc), (AP, pair.ap)):
            if first:
                base[label, metric] = values
            if label != ANY and np.isfinite(values[0]):
                parts[metric].append(values)
            measures.append(_measure(variant, label, metric, values, base=base.get((label, metric)), frames=frames))
        value, videos = metrics.per_video_auc(frames)
        measures.append(_plain(variant, label, VIDEO_AUC, value, frames=frames, videos=videos))
    for metric, rows in parts.items():
        if rows:
            values = metrics.mean_of_classes(rows)
            if first:
                base[MEAN, metric] = values
            measures.append(
                _measure(variant, MEAN, metric, values, base=base.get((MEAN, metric)), frames=None, videos=most_videos)
            )
    return measures


def _measure(
    variant: Variant,
    label: str,
    metric: str,
    values: FloatArray,
    *,
    base: FloatArray | None,
    frames: LabelledScores | None,
    videos: int = 0,
) -> Measure:
    """``values[0]`` is the figure, the rest its resamples; ``videos`` behind it where there are no ``frames``."""
    changed = None if base is None or base is values else values - base
    shown = 0 if frames is None else len(np.unique(frames.video[frames.positive]))
    drawn = videos if frames is None else len(np.unique(frames.video))
    return Measure(
        variant.name,
        variant.group,
        HONEST,
        label,
        metric,
        float(values[0]),
        metrics.percentile_interval(values[1:], drawn),
        None if changed is None else float(changed[0]),
        None if changed is None else metrics.percentile_interval(changed[1:], drawn),
        shown,
        0 if frames is None else int(frames.positive.sum()),
        0 if frames is None else len(frames.score),
    )


def _plain(variant: Variant, label: str, metric: str, value: float, *, frames: LabelledScores, videos: int) -> Measure:
    return Measure(
        variant.name,
        variant.group,
        HONEST,
        label,
        metric,
        value,
        videos=videos,
        positives=int(frames.positive.sum()),
        frames=len(frames.score),
    )


def _reference(
    variant: Variant, classes: Sequence[str], own: Sequence[tuple[LabelledVideo, VideoPredictions]]
) -> list[Measure]:
    """The reference protocol of each class. Only for variants that were scored as they are: it tunes the rest."""
    if variant.weights is not None or variant.sigma is not None:
        return []
    measures: list[Measure] = []
    for label in classes:
        videos = [
            (video.labels[label].array(scores.frame_count), scores.columns[label])
            for video, scores in own
            if label in video.labels and label in scores.columns
        ]
        tuned = protocols.optimum_on_labels(videos, single_score=variant.single_score) if videos else None
        if tuned is None:
            continue
        weights = "" if tuned.weights is None else f"weights {' / '.join(f'{w:g}' for w in tuned.weights)}, "
        for metric, value in ((AUC, tuned.auc), (AP, tuned.ap)):
            told = f"{weights}sigma {tuned.sigma}"
            measures.append(Measure(variant.name, variant.group, REFERENCE, label, metric, value, tuned=told))
    for metric in (AUC, AP):
        values = [m.value for m in measures if m.metric == metric]
        if values:
            mean = float(np.mean(values))
            measures.append(
                Measure(variant.name, variant.group, REFERENCE, MEAN, metric, mean, tuned="each class its own")
            )
    return measures


def _counts(own: Sequence[tuple[LabelledVideo, VideoPredictions]], curves: Sequence[ScoreCurve]) -> FrameCounts:
    statuses: Counter[str] = Counter()
    beyond = 0
    for video, scores in own:
        statuses.update(scores.statuses)
        beyond += sum(labels.beyond(scores.frame_count) for labels in video.labels.values())
    labelled = [curve.labels != UNLABELLED for curve in curves]
    known = [np.isfinite(curve.scores) for curve in curves]
    return FrameCounts(
        counted=sum(int((a & b).sum()) for a, b in zip(labelled, known, strict=True)),
        unlabelled=sum(int((~a).sum()) for a in labelled),
        unscored=sum(int((a & ~b).sum()) for a, b in zip(labelled, known, strict=True)),
        not_in_footage=beyond,
        rows_failed=statuses[Status.FAILED.value] + statuses[Status.PRUNED.value],
    )
