"""The tables of a report, for Markdown and the page alike."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.evaluation.curves import ANY
from anyanomaly_core.evaluation.event_metrics import DELAY, FALSE_ALARMS, LEVELS, RULE
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.measures import AP, AUC, MEAN, VIDEO_AUC, Basis, Measure
from anyanomaly_core.evaluation.metrics import LEAST_VIDEOS, Interval
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.reliability import ReliabilityBin, calibration_error, reliability
from anyanomaly_core.evaluation.summary import Summary
from anyanomaly_core.evaluation.variants import UNCHANGED

NONE = "–"
MARK = "†"  # behind a figure that leaves labelled frames out for want of a score
MOST_REASONS = 5
_ABLATED = "event_f1_0.3"
PARTS = {"encoder": "Encoder", "lvlm": "Language model"}


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, a sentence, columns and rows."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def summary_tables(summary: Summary) -> list[Table]:
    """Everything a report says in figures, and where they come from."""
    found = [
        _provenance(summary),
        _texts(summary),
        _classes(summary),
        _events(summary),
        _unscored_table(summary),
        _ablation(summary),
    ]
    found += [_cascades(summary), _reference(summary), _reliability(summary), _counts(summary)]
    return [table for table in found if table.rows]


def headline(summary: Summary) -> str:
    """One sentence: the profile, how much footage, the mean of the classes."""
    base = summary.variants[0].profile
    found = summary.find(UNCHANGED, MEAN, AUC) or summary.find(UNCHANGED, MEAN, AUC, REFERENCE)
    figure = "no class has both kinds of frame" if found is None else f"mean ROC-AUC of the classes {_figure(found)}"
    videos = f"{len(summary.archive.videos)} videos, {len(summary.archive.classes)} classes"
    unscored = ""
    if found is not None and found.basis.unscored:
        unscored = f" {MARK} {_unscored_in_words(found.basis)} have no score and are in no figure."
    notice = f" {base.notice}" if base.notice else ""
    return f"Profile {base.name}, {videos}: {figure}.{unscored}{notice}"


def reliability_of(summary: Summary) -> list[ReliabilityBin]:
    """Scores against labels, frame by frame, all classes together, under the profile as it is."""
    if not summary.curves:
        return []
    known = [curve.labelled & curve.scored for curve in summary.curves]
    scores = np.concatenate([curve.scores[k] for curve, k in zip(summary.curves, known, strict=True)])
    shown = np.concatenate([curve.labels[k] for curve, k in zip(summary.curves, known, strict=True)]) == 1
    return reliability(scores.astype(np.float64), shown)


def exclusions(summary: Summary, most_names: int = sys.maxsize) -> list[str]:
    """What no figure is about, a line each: videos without scores, answers that failed, footage without labels.

    Args:
        summary: what was measured.
        most_names: of videos in a line.
    """
    lines = [f"{name} has no scores: {reason}" for name, reason in sorted(summary.problems.items())]
    lines += [f"{count:,} segment rows failed: {why}" for why, count in summary.failures.most_common(MOST_REASONS)]
    if len(summary.failures) > MOST_REASONS:
        lines.append(f"... and for {len(summary.failures) - MOST_REASONS} other reasons")
    return [*lines, *footage_gaps(summary.archive, most_names)]


def footage_gaps(archive: LabelledArchive, most_names: int = sys.maxsize) -> list[str]:
    """Where labels and footage do not meet, a line each."""
    gaps = (
        (archive.missing, "labelled, but not here"),
        (archive.unlabelled, "here, but not labelled, and left out"),
        (archive.assumed_normal, "in no line of the labels, which counts as normal"),
    )
    return [
        f"{len(names)} of the videos {'is' if len(names) == 1 else 'are'} {what}: "
        + ", ".join(names[:most_names])
        + (f" and {len(names) - most_names} more" if len(names) > most_names else "")
        for names, what in gaps
        if names
    ]


def unscored_classes(summary: Summary) -> list[str]:
    """A line for each class of which frames that show it have no score under the profile as it is."""
    found = [summary.find(UNCHANGED, label, AUC) for label in summary.archive.classes]
    return [
        f"{measure.label}: {_unscored_in_words(measure.basis)} have no score and are in no figure."
        for measure in found
        if measure is not None and measure.basis.unscored_positives
    ]


def _unscored_in_words(basis: Basis) -> str:
    if basis.unscored_positives:
        return f"{basis.unscored_positives:,} of {basis.all_positives:,} frames that show the class"
    return f"{basis.unscored_negatives:,} frames that do not show the class"


def _provenance(summary: Summary) -> Table:
    source, profile = summary.provenance, summary.variants[0].profile
    rows = [
        ("Labelled archive", f"{summary.archive.name}: {len(summary.archive.videos)} videos"),
        ("Profile", f"{profile.name} (scorer {profile.scoring.scorer}; parameters in profile.json)"),
    ]
    rows += [
        (PARTS.get(part, part), f"{model.name}, revision {model.revision}")
        for part, model in source.models.get(UNCHANGED, {}).items()
    ]
    rows += [
        ("Evaluated", f"{source.evaluated_at:%Y-%m-%d %H:%M} UTC"),
        ("Software", f"anyanomaly {source.code}"),
        ("Intervals", f"95 %, {source.resamples:,} resamples of the videos"),
    ]
    return Table("What was judged", "", ("", ""), rows)


def _texts(summary: Summary) -> Table:
    rows = [(name, " · ".join(texts)) for name, texts in summary.archive.texts.items()]
    return Table("Texts", "What was asked for each class; of several texts the best counts.", ("class", "texts"), rows)


def _classes(summary: Summary) -> Table:
    rows = []
    for label in [*summary.archive.classes, ANY, MEAN]:
        auc, ap, own = (summary.find(UNCHANGED, label, metric) for metric in (AUC, AP, VIDEO_AUC))
        if auc is None or ap is None:
            continue
        name, basis = label, auc.basis
        shown = (str(basis.videos), f"{basis.positives:,} of {basis.frames:,}", _share(basis))
        if label == MEAN:
            shown = ("", "", "")
            without = len(summary.archive.classes) - basis.classes
            name = f"{MEAN[:-1]}; {without} without a figure left out)" if without else MEAN
        inside = NONE if own is None or not math.isfinite(own.value) else f"{own.value:.3f} ({own.basis.videos})"
        rows.append((name, *shown, _figure(auc), inside, _figure(ap)))
    return Table(
        "By class",
        "Honest protocol: fixed weights, smoothing inside each video, no label seen. Frame level, all videos together "
        "(micro). In brackets 95 % intervals by bootstrap over videos; there is none where fewer than "
        f"{LEAST_VIDEOS} videos show the class or fewer than {LEAST_VIDEOS} have frames that do not. `per video`: mean "
        f"over the videos with both kinds of frame. {MARK}: labelled frames without a score are in no figure of this "
        "row.",
        ("class", "videos", "frames that show it", "such frames unscored", "ROC-AUC", "per video", "average precision"),
        rows,
    )


def _events(summary: Summary) -> Table:
    rows = []
    for label in [*summary.archive.classes, ANY, MEAN]:
        found = [summary.find(UNCHANGED, label, metric) for metric in _EVENT_COLUMNS]
        if any(measure is not None and math.isfinite(measure.value) for measure in found):
            rows.append((label, *(NONE if m is None else _figure(m) for m in found)))
    return Table(
        "Events",
        f"Runs of frames that show the class, and what a rule would report at a threshold of {RULE.threshold:g}: found "
        "at an overlap (temporal intersection over union) of at least so much. A false alarm overlaps no labelled "
        "event; delay: from the beginning of an event to that of the first report of it, in seconds.",
        ("class", *_EVENT_COLUMNS.values()),
        rows,
    )


_EVENT_COLUMNS = {
    "event_precision_0.1": "precision at 0.1",
    "event_recall_0.1": "recall at 0.1",
    **{f"event_f1_{level:g}": f"F1 at {level:g}" for level in LEVELS},
    FALSE_ALARMS: "false alarms a camera-day",
    DELAY: "delay, s",
}


def _share(basis: Basis) -> str:
    return f"{basis.unscored_positives:,} of {basis.all_positives:,}"


def _unscored_table(summary: Summary) -> Table:
    rows = []
    for label in [*summary.archive.classes, ANY, MEAN]:
        auc, ap = (summary.find(UNCHANGED, label, metric) for metric in (AUC, AP))
        if auc is None or ap is None or not auc.basis.unscored:
            continue
        basis, negatives = auc.basis, auc.basis.frames - auc.basis.positives + auc.basis.unscored_negatives
        shares = (_share(basis), f"{basis.unscored_negatives:,} of {negatives:,}")
        worst = (f"{_number(measure.value)}, at worst {_number(measure.worst)}" for measure in (auc, ap))
        rows.append((label, *(("", "") if label == MEAN else shares), *worst))
    return Table(
        "What has no score",
        "Labelled frames without a score, because decoding or an answer failed, are in no figure; so figures may "
        "flatter. `at worst`: what the figure would be if every one of them had been ranked as wrongly as possible.",
        ("class", "frames that show it", "frames that do not", "ROC-AUC", "average precision"),
        rows,
    )


def _ablation(summary: Summary) -> Table:
    rows = []
    for variant in summary.variants:
        auc, ap = (summary.find(variant.name, MEAN, metric) for metric in (AUC, AP))
        if auc is None or ap is None:
            continue
        worst = min(_class_values(summary, variant.name), key=lambda m: m.value)
        weakest = f"{worst.label} {worst.value:.3f}"
        f1 = summary.find(variant.name, MEAN, _ABLATED)
        events = NONE if f1 is None else _figure(f1)
        difference = _describe_difference(auc)
        rows.append((variant.group, variant.name, _figure(auc), *difference, _figure(ap), events, weakest))
    return Table(
        "What helps",
        "One thing changed at a time; mean over the classes, honest protocol. The difference is to the profile as it "
        "is, on the same resamples; `better` and `worse` mean that its interval leaves 0 out.",
        ("group", "variant", "ROC-AUC", "difference", "", "average precision", "event F1 at 0.3", "weakest class"),
        rows if len(rows) > 1 else [],
    )


def _cascades(summary: Summary) -> Table:
    rows = [
        (
            own.variant,
            f"{own.saved:.0%} ({own.judged:,} of {own.judged_without:,} judged)",
            f"{own.auc:.3f} ({own.auc_without:.3f} without)",
            f"{own.events_found} of {own.events} ({own.events_found_without} without)",
            f"{own.missed} of {own.pruned:,}",
            f"{own.missed_bound} ({own.share_bound:.1%})",
            f"{own.audited_hits} of {own.audited}",
        )
        for own in summary.cascades
    ]
    return Table(
        "Cascade",
        "Against the profile as it is; segments and labelled events count for each class. ROC-AUC: mean of classes, "
        "pruned frames ranked behind all that have a score. An event is found, a segment missed or an audit a hit at a "
        "score of 0.5 or more. The bound is what a run would have said: at 95 %, at most so many missed.",
        ("variant", "saved", "ROC-AUC", "events found", "missed segments", "bound on them", "audit hits"),
        rows,
    )


def _class_values(summary: Summary, variant: str) -> Iterator[Measure]:
    wanted = (variant, AUC, HONEST)
    for measure in summary.measures:
        own = (measure.variant, measure.metric, measure.protocol) == wanted
        if own and measure.label not in {ANY, MEAN} and math.isfinite(measure.value):
            yield measure


def _reference(summary: Summary) -> Table:
    rows = [
        (m.variant, m.label, _figure(m), m.tuned or "")
        for m in summary.measures
        if m.protocol == REFERENCE and m.metric == AUC and (m.variant == UNCHANGED or m.label == MEAN)
    ]
    return Table(
        "Tuned on the test labels",
        "Reference protocol: sigma and weights are those with the best ROC-AUC on these very labels, videos are "
        "smoothed across their joints. For comparison with published tables only; it says nothing about new footage.",
        ("variant", "class", "ROC-AUC", "chosen by the labels"),
        rows,
    )


def _reliability(summary: Summary) -> Table:
    curve = reliability_of(summary)
    rows = [
        (f"{b.low:.1f} to {b.high:.1f}", f"{b.count:,}", f"{b.mean_score:.3f}", f"{b.share_right:.3f}") for b in curve
    ]
    return Table(
        "Is a score a probability?",
        f"Frames of all classes by score. Expected calibration error {calibration_error(curve):.3f} (0: a score of 0.7 "
        "is right seven times in ten).",
        ("score", "frames x classes", "mean score", "share that shows the class"),
        rows,
    )


def _counts(summary: Summary) -> Table:
    rows = [
        (
            name,
            *(f"{value:,}" for value in (c.counted, c.unlabelled, c.unscored, c.not_in_footage)),
            f"{c.rows_failed:,} of {c.rows:,}",
            f"{c.rows_pruned:,}",
        )
        for name, c in summary.counts.items()
    ]
    return Table(
        "What was counted",
        "Frames x classes. What is unlabelled or has no score is left out of every figure, never taken for 0.",
        (
            "variant",
            "counted",
            "unlabelled",
            "unscored",
            "labelled, not in the footage",
            "segment rows failed",
            "pruned",
        ),
        rows,
    )


def _figure(measure: Measure) -> str:
    """Value, interval, and the mark where labelled frames are left out."""
    if not math.isfinite(measure.value):
        return NONE
    mark = f" {MARK}" if measure.basis.unscored else ""
    return f"{measure.value:.3f}{_between(measure.interval, '.3f')}{mark}"


def _describe_difference(measure: Measure) -> tuple[str, str]:
    """The difference to the profile, and what it means."""
    if measure.difference is None:
        return "", ""
    d = measure.difference_interval
    if d is None:
        meaning = "too few videos to say"
    else:
        meaning = "no clear difference" if d.low <= 0 <= d.high else "better" if d.low > 0 else "worse"
    return f"{measure.difference:+.3f}{_between(d, '+.3f')}", meaning


def _between(interval: Interval | None, form: str) -> str:
    return "" if interval is None else f" ({interval.low:{form}} to {interval.high:{form}})"


def _number(value: float | None) -> str:
    return NONE if value is None or not math.isfinite(value) else f"{value:.3f}"
