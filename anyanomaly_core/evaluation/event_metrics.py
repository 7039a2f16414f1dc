"""Events instead of frames: which of those that are labelled are found, what else is reported, and how late.

An event of the labels is a run of frames that show the class. Events of the scores are those that a rule without
settings of its own would report: threshold, duration and gaps of :class:`RuleDefinition`. At a temporal
intersection-over-union of at least a level, each found event stands for one of the labels, the best pairs first. What
lies mostly in frames that nobody labelled counts for nothing. A false alarm overlaps no labelled event at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.evaluation.curves import ScoreCurve
from anyanomaly_core.evaluation.labels.ground_truth import frame_ranges
from anyanomaly_core.evaluation.metrics import FloatArray
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import find_events

LEVELS = (0.1, 0.3, 0.5)
FALSE_ALARMS, DELAY = "false_alarms_per_camera_day", "delay_s"
EVENT_METRICS = (
    *(f"event_{what}_{level:g}" for level in LEVELS for what in ("precision", "recall", "f1")),
    FALSE_ALARMS,
    DELAY,
)
RULE = RuleDefinition(name="evaluation", texts=("evaluation",))  # what a rule that says nothing of events has

Spans = NDArray[np.float64]  # [n, 2] begin and end in seconds


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What the videos of a class come to, each [V] by row of the archive; a video without scores misses its events."""

    labelled: FloatArray  # events
    reported: FloatArray
    matched: FloatArray  # [levels, V]
    false_alarms: FloatArray
    delay_s: FloatArray  # summed over events that were found
    found: FloatArray  # events that anything reported overlaps
    days: FloatArray  # of footage that is labelled and scored

    @property
    def videos(self) -> int:
        """Videos with a labelled event or a reported one: what the figures rest on."""
        return int(((self.labelled + self.reported) > 0).sum())


def count_events(curves: Sequence[ScoreCurve], videos: int) -> EventCounts:
    """Events of one class.

    Args:
        curves: of the videos that are labelled for it.
        videos: V, of the whole archive.
    """
    counts = np.zeros((6 + len(LEVELS), videos))
    for curve in curves:
        if not curve.scored.any() or not curve.pace.frame_count:
            counts[0, curve.row] = len(frame_ranges(curve.labels == 1))  # what nobody could judge is not found
            continue
        starts, ends = frame_times(curve.pace)
        truth = _spans(frame_ranges(curve.labels == 1), starts, ends)
        micros = [np.rint(edge * 1e6).astype(np.int64) for edge in (starts, ends)]
        events = find_events(curve.scores, micros[0], micros[1], RULE, np.ones(len(curve.scores), np.bool_))
        known = [(e.first, e.last) for e in events if curve.labelled[e.first : e.last + 1].mean() >= 0.5]  # noqa: PLR2004
        seconds = float((ends - starts)[curve.labelled & curve.scored].sum())  # in which a false alarm would count
        counts[:, curve.row] = _of_video(truth, _spans(known, starts, ends), seconds)
    labelled, reported, false_alarms, delay_s, found, days = counts[:6]
    return EventCounts(labelled, reported, counts[6:], false_alarms, delay_s, found, days)


def event_figures(counts: EventCounts, weights: FloatArray) -> dict[str, FloatArray]:
    """By metric, [B] figures of resamples; NaN where there is nothing to divide by.

    Args:
        counts: of a class.
        weights: [B, V] how often each video is in each.
    """
    labelled, reported = weights @ counts.labelled, weights @ counts.reported
    figures = {}
    for level, matched in zip(LEVELS, counts.matched, strict=True):
        right = weights @ matched
        figures[f"event_precision_{level:g}"] = _share(right, reported)
        figures[f"event_recall_{level:g}"] = _share(right, labelled)
        figures[f"event_f1_{level:g}"] = _share(2 * right, labelled + reported)
    figures[FALSE_ALARMS] = _share(weights @ counts.false_alarms, weights @ counts.days)
    figures[DELAY] = _share(weights @ counts.delay_s, weights @ counts.found)
    return figures


def frame_times(pace: Pace) -> tuple[FloatArray, FloatArray]:
    """[F] begin and end of each frame, in seconds."""
    starts = [s.start_s + np.arange(s.frame_count) * s.interval_s for s in pace.stretches]
    lengths = [np.full(s.frame_count, s.interval_s) for s in pace.stretches]
    begin = np.concatenate(starts) if starts else np.zeros(0)
    return begin, begin + (np.concatenate(lengths) if lengths else np.zeros(0))


def overlaps(one: Spans, other: Spans) -> FloatArray:
    """[n, m] temporal intersection over union."""
    common = np.minimum(one[:, None, 1], other[None, :, 1]) - np.maximum(one[:, None, 0], other[None, :, 0])
    common = np.maximum(common, 0.0)
    union = np.diff(one)[:, None, 0] + np.diff(other)[None, :, 0] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float64)


def _of_video(truth: Spans, reported: Spans, seconds: float) -> list[float]:
    """labelled, reported, false alarms, delay, found, days, and matched at each level."""
    shared = overlaps(truth, reported)
    touched = shared > 0
    found = touched.any(1)
    first = np.where(touched, reported[None, :, 0], np.inf).min(1, initial=np.inf)
    delays = np.maximum(first[found] - truth[found, 0], 0.0)
    matched = [float(_matched(shared, level)) for level in LEVELS]
    false_alarms = float((~touched.any(0)).sum())
    counts = [float(len(truth)), float(len(reported)), false_alarms, float(delays.sum()), float(found.sum())]
    return [*counts, seconds / 86_400, *matched]


def _matched(shared: FloatArray, level: float) -> int:
    """Pairs, one to one, the best first."""
    pairs = np.argwhere(shared >= level)
    order = np.argsort(-shared[shared >= level], kind="stable")
    rows: set[int] = set()
    columns: set[int] = set()
    for row, column in pairs[order].tolist():
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
    return len(rows)


def _spans(runs: Sequence[tuple[int, int]], starts: FloatArray, ends: FloatArray) -> Spans:
    return np.array([(starts[a], ends[b]) for a, b in runs], np.float64).reshape(-1, 2)


def _share(of: FloatArray, all_: FloatArray) -> FloatArray:
    return np.asarray(np.divide(of, all_, out=np.full(len(of), np.nan), where=all_ > 0), np.float64)
