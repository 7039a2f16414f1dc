"""What a cascade saves and what it costs, on labelled footage where every segment was judged as well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation import metrics, protocols
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelledVideo
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.results.binomial import missed_bound, share_bound
from anyanomaly_core.scoring.types import SelectionReason, Status

THRESHOLD = 0.5  # a rule's default
LAST = -1.0  # place of a pruned frame when frames are ranked: behind all that have a score

Own = Sequence[tuple[LabelledVideo, VideoPredictions]]


@dataclass(frozen=True, slots=True)
class CascadeCost:
    """What a cascade saved and lost in one variant; segments and events count once for each class."""

    variant: str
    judged: int  # segments that the language model saw
    judged_without: int  # under the profile as it is
    auc: float  # mean of the classes, pruned frames ranked behind all others
    auc_without: float
    events: int  # labelled ones
    events_found: int  # some frame of them reaches the threshold
    events_found_without: int
    pruned: int
    missed: int  # pruned segments that reach the threshold when judged
    audited: int
    audited_hits: int
    share_bound: float  # 95 %, of what neither rank nor motion chose
    missed_bound: int  # 95 %, of the pruned segments

    @property
    def saved(self) -> float:
        """Share of the language model's work."""
        return 1 - self.judged / self.judged_without if self.judged_without else 0.0


def cascade_cost(variant: Variant, own: Own, whole_variant: Variant, whole: Own, classes: list[str]) -> CascadeCost:
    """Compare a variant with a cascade with the profile as it is.

    Args:
        variant: with a cascade.
        own: each video and its scores under the variant.
        whole_variant: judges every segment.
        whole: the same videos under that.
        classes: of the archive.
    """
    drawn = hits = left = pruned = missed = 0
    for (_, scores), (_, full) in zip(own, whole, strict=True):
        for name, segments in scores.segments.items():
            for segment, other in zip(segments, full.segments[name], strict=True):
                by_chance = segment.chosen is SelectionReason.AUDIT
                left += by_chance or segment.status is Status.PRUNED
                asked = by_chance and segment.status is not Status.CARRIED
                drawn += asked
                hits += asked and (segment.score is None or segment.score >= THRESHOLD)  # a failed audit: as a hit
                pruned += segment.status is Status.PRUNED
                missed += segment.status is Status.PRUNED and (other.score or 0.0) >= THRESHOLD
    events, found = _events(own, variant)
    return CascadeCost(
        variant=variant.name,
        judged=_judged_count(own),
        judged_without=_judged_count(whole),
        auc=_mean_auc(own, variant, classes),
        auc_without=_mean_auc(whole, whole_variant, classes),
        events=events,
        events_found=found,
        events_found_without=_events(whole, whole_variant)[1],
        pruned=pruned,
        missed=missed,
        audited=drawn,
        audited_hits=hits,
        share_bound=share_bound(hits, drawn),
        missed_bound=min(pruned, missed_bound(hits, drawn, left)),
    )


def _judged_count(own: Own) -> int:
    statuses = [segment.status for _, scores in own for part in scores.segments.values() for segment in part]
    return sum(status in {Status.SCORED, Status.FAILED} for status in statuses)


def _events(own: Own, variant: Variant) -> tuple[int, int]:
    """Labelled events, and those with a frame over the threshold after smoothing."""
    count = found = 0
    for video, scores in own:
        for name, labels in video.labels.items():
            if name not in scores.columns:
                continue
            smoothed = protocols.smoothed_scores(scores.columns[name], variant.weights, scores.pace, variant.smoothing)
            runs = [(first, last) for first, last in labels.positive if first < scores.frame_count]
            count += len(runs)
            found += sum(bool((smoothed[first : last + 1] >= THRESHOLD).any()) for first, last in runs)
    return count, found


def _mean_auc(own: Own, variant: Variant, classes: list[str]) -> float:
    values = []
    for name in classes:
        parts = [
            (video.labels[name].array(scores.frame_count), _ranking_scores(scores, name, variant))
            for video, scores in own
            if name in video.labels and name in scores.columns
        ]
        if not parts:
            continue
        labels, curve = (np.concatenate(column) for column in zip(*parts, strict=True))
        counts = (labels != UNLABELLED) & np.isfinite(curve)
        values.append(metrics.roc_auc(labels[counts] == 1, curve[counts].astype(np.float64)))
    return float(np.nanmean(values)) if values else float("nan")


def _ranking_scores(scores: VideoPredictions, name: str, variant: Variant) -> NDArray[np.float32]:
    """[F] smoothed scores, pruned frames at ``LAST``; NaN where judging failed."""
    curve = protocols.smoothed_scores(scores.columns[name], variant.weights, scores.pace, variant.smoothing).copy()
    for segment in scores.segments[name]:
        if segment.status is Status.PRUNED:
            curve[segment.first_frame : segment.last_frame + 1] = LAST
    return curve


def cascade_costs(
    variants: Sequence[Variant], scored: Sequence[tuple[LabelledVideo, Sequence[VideoPredictions]]], classes: list[str]
) -> list[CascadeCost]:
    """Figures of every variant with a cascade, against the first variant."""
    whole = [(video, versions[0]) for video, versions in scored]
    found = []
    for number, variant in enumerate(variants):
        if number and variant.profile.scoring.cascade is not None:
            own = [(video, versions[number]) for video, versions in scored]
            found.append(cascade_cost(variant, own, variants[0], whole, classes))
    return found
