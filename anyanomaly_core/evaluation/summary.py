"""From predictions to figures: every variant, class and protocol, and what they stand on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from anyanomaly_core.evaluation import metrics
from anyanomaly_core.evaluation.cascades import CascadeCost, cascade_costs
from anyanomaly_core.evaluation.curves import ANY, ScoreCurve, VideoResult, score_curves
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.measures import Estimates, Measure, honest_measures, reference_measures
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.provenance import Provenance
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.scoring.types import Status


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What went into a variant's figures, in frames x classes, and what could not."""

    counted: int = 0  # labelled and scored
    unlabelled: int = 0
    unscored: int = 0  # labelled, but without score: never taken for 0
    not_in_footage: int = 0  # labelled frames that the decoded video does not have
    rows: int = 0  # (segment, class) rows
    rows_failed: int = 0
    rows_pruned: int = 0  # left out by a cascade


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a report shows."""

    archive: LabelledArchive
    variants: tuple[Variant, ...]
    provenance: Provenance
    measures: list[Measure] = field(default_factory=list)
    counts: dict[str, FrameCounts] = field(default_factory=dict)  # by variant
    curves: list[ScoreCurve] = field(default_factory=list)  # under the profile as it is
    problems: dict[str, str] = field(default_factory=dict)  # video -> why it has no scores
    failures: Counter[str] = field(default_factory=Counter)  # (segment, class) rows of other videos, by reason
    cascades: list[CascadeCost] = field(default_factory=list)  # of variants that have one

    def find(self, variant: str, label: str, metric: str, protocol: str = HONEST) -> Measure | None:
        """One measure, or None."""
        wanted = (variant, label, metric, protocol)
        found = (m for m in self.measures if (m.variant, m.label, m.metric, m.protocol) == wanted)
        return next(found, None)

    @property
    def complete(self) -> bool:
        """Whether everything that was to be scored under the profile as it is has been."""
        return not self.problems and not self.failures


Predictions = Sequence[tuple[LabelledVideo, Sequence[VideoPredictions]]]  # one VideoPredictions per variant


def summarize(
    archive: LabelledArchive,
    variants: Sequence[Variant],
    predictions: Predictions,
    provenance: Provenance,
    *,
    protocols: Sequence[str] = (HONEST, REFERENCE),
    seed: int = 0,
) -> Summary:
    """All figures.

    Args:
        archive: whose labels judge.
        variants: the first is the profile as it is, to which the others are compared.
        predictions: as ``BenchmarkRun.predict`` yields them.
        provenance: of the predictions; says how many resamples there are, the same ones for every class and variant.
        protocols: honest, reference.
        seed: of the resamples.
    """
    summary = Summary(archive, tuple(variants), provenance)
    draws = metrics.draw_resamples(len(predictions), provenance.resamples, seed)
    labels = [*archive.classes, *([ANY] if len(archive.classes) > 1 else [])]
    baseline: Estimates | None = None
    for number, variant in enumerate(variants):
        own: list[VideoResult] = [(video, versions[number]) for video, versions in predictions]
        curves = {label: score_curves(label, own, variant) for label in labels}
        of_classes = [curve for name in archive.classes for curve in curves[name]]
        summary.counts[variant.name] = _counts(own, of_classes)
        if HONEST in protocols:
            measures, estimates = honest_measures(variant, curves, draws, baseline)
            summary.measures.extend(measures)
            baseline = baseline or estimates
        if REFERENCE in protocols:
            summary.measures.extend(reference_measures(variant, curves, own))
        if number == 0:
            summary.curves.extend(of_classes)
            summary.problems.update({v.name: p.problem for v, p in own if p.problem is not None})
            for _, predicted in own:
                summary.failures.update(predicted.failures)
    summary.cascades.extend(cascade_costs(variants, predictions, archive.classes))
    return summary


def _counts(own: Sequence[VideoResult], curves: Sequence[ScoreCurve]) -> FrameCounts:
    statuses: Counter[str] = Counter()
    beyond = 0
    for video, predicted in own:
        statuses.update(predicted.statuses)
        if predicted.problem is None:
            beyond += sum(labels.count_beyond(predicted.frame_count) for labels in video.labels.values())
    return FrameCounts(
        counted=sum(int((curve.labelled & curve.scored).sum()) for curve in curves),
        unlabelled=sum(int((curve.labels == UNLABELLED).sum()) for curve in curves),
        unscored=sum(int((curve.labelled & ~curve.scored).sum()) for curve in curves),
        not_in_footage=beyond,
        rows=statuses.total(),
        rows_failed=statuses[Status.FAILED.value],
        rows_pruned=statuses[Status.PRUNED.value],
    )
