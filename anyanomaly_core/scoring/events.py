"""From frame scores to events: hysteresis, gap closing, minimum duration, hours.

An event begins with a frame at or over the threshold and lasts until the score falls below the release threshold.
Events at most ``max_gap_s`` apart, from the end of one's last frame to the start of the other's first, become one,
whatever lies between, unscored frames included. Then those shorter than ``min_duration_s`` are dropped. Frames
outside the rule's hours, and unscored ones, neither begin nor continue an event. An event ends at a hole, where nothing
was recorded, that is longer than ``max_gap_s``. Whether it ends with its file, ``results/streams.py`` decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.timeline import holes_of
from anyanomaly_core.rules.definition import RuleDefinition

Micros = NDArray[np.int64]  # microseconds, of video time or since 1970 in UTC


@dataclass(frozen=True, slots=True)
class FrameRun:
    """An event as frames of its video, both ends inclusive."""

    first: int
    last: int
    peak: int  # the first of the highest


def find_events(
    scores: NDArray[np.float32], starts: Micros, ends: Micros, rule: RuleDefinition, counted: NDArray[np.bool_]
) -> list[FrameRun]:
    """Events of one video.

    Args:
        scores: [F], NaN where unscored.
        starts: [F] when each frame begins; not decreasing.
        ends: [F] when each frame ends; where a hole follows, its end is taken not to lie in there.
        rule: its thresholds and durations.
        counted: [F] False: outside the rule's hours.

    Returns:
        In order, not overlapping.
    """
    ends = outside_holes(starts, ends)
    runs = long_enough(find_runs(scores, starts, ends, rule, counted), starts, ends, rule)
    return [FrameRun(a, b, peak_frame(scores, counted, a, b)) for a, b in runs]


def find_runs(
    scores: NDArray[np.float32], starts: Micros, ends: Micros, rule: RuleDefinition, counted: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """First and last frame of what would be an event if it were long enough; arguments as of ``find_events``.

    ``ends`` are taken as they are, holes or not.
    """
    # Compared as float32, as scores are stored: 0.7 must reach a threshold of 0.7.
    over = (scores >= np.float32(rule.threshold)) & counted  # [F]; comparisons with NaN are False
    held = held_frames(scores, rule, counted)
    apart = starts[1:] - ends[:-1] > rule.max_gap_s * 1e6  # [F - 1]
    runs: list[tuple[int, int]] = []
    for first, last in _true_runs(held, apart):
        begin = first + int(np.argmax(over[first : last + 1]))
        if not over[begin]:
            continue
        if runs and starts[begin] - ends[runs[-1][1]] <= rule.max_gap_s * 1e6:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((begin, last))
    return runs


def long_enough(
    runs: list[tuple[int, int]], starts: Micros, ends: Micros, rule: RuleDefinition
) -> list[tuple[int, int]]:
    """Runs that last as long as the rule wants."""
    return [(a, b) for a, b in runs if ends[b] - starts[a] >= rule.min_duration_s * 1e6]


def held_frames(scores: NDArray[np.float32], rule: RuleDefinition, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[F] frames that an event that has begun goes on through."""
    release = rule.threshold if rule.release_threshold is None else rule.release_threshold
    return np.asarray((scores >= np.float32(release)) & counted)


def outside_holes(starts: Micros, ends: Micros) -> Micros:
    """[F] ends of frames, that before a hole at the hole's beginning; see ``timeline.holes_of``."""
    if not len(starts):
        return ends
    seconds = (starts - starts[0]) / 1e6
    holes = holes_of(seconds)
    before = np.searchsorted(seconds, holes[:, 1]) - 1
    result = ends.copy()
    result[before] = starts[0] + np.rint(holes[:, 0] * 1e6).astype(np.int64)
    return result


def _true_runs(values: NDArray[np.bool_], apart: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last of each run of [F] values; ``apart`` [F - 1] says between which two neighbours none goes on."""
    goes_on = values[1:] & values[:-1] & ~apart
    firsts = np.flatnonzero(values & ~np.concatenate(([False], goes_on))[: len(values)])
    lasts = np.flatnonzero(values & ~np.append(goes_on, False)[: len(values)])
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def peak_frame(scores: NDArray[np.float32], counted: NDArray[np.bool_], first: int, last: int) -> int:
    """The first of the highest frames that count."""
    inside = np.where(counted[first : last + 1], scores[first : last + 1], np.nan)
    return first + int(np.nanargmax(inside))
