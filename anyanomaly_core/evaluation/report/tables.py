"""The figures as Markdown and CSV."""

import csv
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, LabelledArchive
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.reliability import ReliabilityBin, calibration_error, reliability
from anyanomaly_core.evaluation.summary import ANY, AP, AUC, MEAN, VIDEO_AUC, FrameCounts, Measure, ScoreCurve, Summary
from anyanomaly_core.evaluation.variants import UNCHANGED

NONE = "–"
MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, a sentence, columns and rows; for both Markdown and the page."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(summary: Summary) -> list[Table]:
    """Everything a report says in figures."""
    found = [_classes(summary), _ablation(summary), _cascades(summary)]
    found += [_reference(summary), _reliability(summary), _counts(summary)]
    return [table for table in found if table.rows]


def markdown(summary: Summary) -> str:
    """All tables, and what has no scores."""
    parts = [f"# Evaluation of {summary.archive.name}", _headline(summary)]
    for table in tables(summary):
        lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
        parts += [f"## {table.title}", table.note, "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)]
    parts += [f"* {_cell(line)}" for line in exclusions(summary)]
    return "\n\n".join(parts) + "\n"


def write_csv(summary: Summary, path: Path) -> None:
    """One row a figure."""
    names = [
        "variant", "group", "protocol", "class", "metric", "value", "low", "high", "difference", "difference_low",
        "difference_high", "videos", "positives", "frames", "tuned",
    ]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for m in summary.measures:
            low, high = (None, None) if m.interval is None else (m.interval.low, m.interval.high)
            d = m.difference_interval
            ends = (None, None) if d is None else (d.low, d.high)
            figures = [m.value, low, high, m.difference, *ends]
            rounded = ["" if v is None or not math.isfinite(v) else f"{v:.6f}" for v in figures]
            what = [m.variant, m.group, m.protocol, m.label, m.metric]
            writer.writerow([*what, *rounded, m.videos, m.positives, m.frames, m.tuned or ""])


def reliability_of(summary: Summary) -> list[ReliabilityBin]:
    """Scores against labels, frame by frame, all classes together, under the profile as it is."""
    if not summary.curves:
        return []
    scores = np.concatenate([curve.scores[_known(curve)] for curve in summary.curves])
    shown = np.concatenate([curve.labels[_known(curve)] for curve in summary.curves]) == 1
    return reliability(scores.astype(np.float64), shown)


def _headline(summary: Summary) -> str:
    base = summary.variants[0].profile
    found = summary.find(UNCHANGED, MEAN, AUC) or summary.find(UNCHANGED, MEAN, AUC, REFERENCE)
    said = "no class has both kinds of frame" if found is None else f"mean ROC-AUC of the classes {_figure(found)}"
    videos = f"{len(summary.archive.videos)} videos, {len(summary.archive.classes)} classes"
    notice = f" {base.notice}" if base.notice else ""
    return f"Profile `{base.name}`, {videos}: {said}.{notice}"


def _classes(summary: Summary) -> Table:
    rows = []
    for label in [*summary.archive.classes, ANY, MEAN]:
        auc, ap, own = (summary.find(UNCHANGED, label, metric) for metric in (AUC, AP, VIDEO_AUC))
        if auc is None or ap is None:
            continue
        shown = ("", "") if label == MEAN else (str(auc.videos), f"{auc.positives:,} of {auc.frames:,}")
        inside = NONE if own is None or not math.isfinite(own.value) else f"{own.value:.3f} ({own.videos})"
        rows.append((label, *shown, _figure(auc), inside, _figure(ap)))
    return Table(
        "By class",
        "Honest protocol: fixed weights, smoothing inside each video, no label seen. Frame level, all videos together "
        "(micro), 95 % intervals by bootstrap over videos; `per video`: mean over the videos with both kinds of frame.",
        ("class", "videos", "frames", "ROC-AUC", "per video", "average precision"),
        rows,
    )


def _ablation(summary: Summary) -> Table:
    rows = []
    for variant in summary.variants:
        auc, ap = (summary.find(variant.name, MEAN, metric) for metric in (AUC, AP))
        if auc is None or ap is None:
            continue
        worst = min(_class_values(summary, variant.name), key=lambda m: m.value)
        rows.append(
            (
                variant.group,
                variant.name,
                _figure(auc),
                _difference(auc),
                _verdict(auc),
                _figure(ap),
                f"{worst.label} {worst.value:.3f}",
            )
        )
    return Table(
        "What helps",
        "One thing changed at a time; mean over the classes, honest protocol. The difference is to the profile as it "
        "is, on the same resamples; `better` and `worse` mean that its interval leaves 0 out.",
        ("group", "variant", "ROC-AUC", "difference", "", "average precision", "weakest class"),
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
        (m.variant, m.label, f"{m.value:.3f}", m.tuned or "")
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
    rows = [(name, *(f"{value:,}" for value in _fields(counts))) for name, counts in summary.counts.items()]
    return Table(
        "What was counted",
        "Frames x classes. What is unlabelled or has no score is left out of every figure, never taken for 0.",
        ("variant", "counted", "unlabelled", "unscored", "labelled, not in the footage", "failed segment rows"),
        rows,
    )


def _fields(counts: FrameCounts) -> Sequence[int]:
    return (counts.counted, counts.unlabelled, counts.unscored, counts.not_in_footage, counts.rows_failed)


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
    said = (
        (archive.missing, "labelled, but not here"),
        (archive.unlabelled, "here, but not labelled, and left out"),
        (archive.assumed_normal, "in no line of the labels, which counts as normal"),
    )
    return [
        f"{len(names)} of the videos {'is' if len(names) == 1 else 'are'} {what}: "
        + ", ".join(names[:most_names])
        + (f" and {len(names) - most_names} more" if len(names) > most_names else "")
        for names, what in said
        if names
    ]


def _figure(measure: Measure) -> str:
    if not math.isfinite(measure.value):
        return NONE
    if measure.interval is None:
        return f"{measure.value:.3f}"
    return f"{measure.value:.3f} ({measure.interval.low:.3f} to {measure.interval.high:.3f})"


def _difference(measure: Measure) -> str:
    if measure.difference is None:
        return ""
    d = measure.difference_interval
    return f"{measure.difference:+.3f}" + ("" if d is None else f" ({d.low:+.3f} to {d.high:+.3f})")


def _verdict(measure: Measure) -> str:
    d = measure.difference_interval
    if d is None or d.low <= 0 <= d.high:
        return "" if measure.difference is None else "no clear difference"
    return "better" if d.low > 0 else "worse"


def _known(curve: ScoreCurve) -> NDArray[np.bool_]:
    """[F] frames that are labelled and scored."""
    known: NDArray[np.bool_] = np.isfinite(curve.scores) & (curve.labels != UNLABELLED)
    return known


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
