"""From frame scores to events: hysteresis, gap closing, minimum duration, hours.

An event begins with a frame at or over the threshold and lasts until the score falls below the release threshold.
Events at most ``max_gap_s`` apart, from the end of one's last frame to the start of the other's first, become one,
whatever lies between, unscored frames included. Then those shorter than ``min_duration_s`` are dropped. Frames
outside the rule's hours, and unscored ones, neither begin nor continue an event. An event ends with its file.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import Micros, to_datetime
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.hours import Hours

_NAMESPACE = uuid.UUID("5a3c9f2e-8c1b-5d7e-9a44-6f0d1b2c3e4f")


@dataclass(frozen=True, slots=True)
class FrameRun:
    """An event as frames of its video, both ends inclusive."""

    first: int
    last: int
    peak: int  # the first of the highest


def event_id(rule_name: str, content_sha256: str, peak_frame: int, other_camera: str | None = None) -> uuid.UUID:
    """The id of an event: the same for every version, scorer and database that finds this peak.

    ``other_camera`` is given where the content was found under another camera than its first.
    """
    place = "" if other_camera is None else f"\n{other_camera}"
    return uuid.uuid5(_NAMESPACE, f"{rule_name}\n{content_sha256}\n{peak_frame}{place}")


def find_events(
    scores: NDArray[np.float32], starts: Micros, ends: Micros, rule: RuleDefinition, counted: NDArray[np.bool_]
) -> list[FrameRun]:
    """Events of one video.

    Args:
        scores: [F], NaN where unscored.
        starts: [F] when each frame begins; not decreasing.
        ends: [F] when each frame ends.
        rule: its thresholds and durations.
        counted: [F] False: outside the rule's hours.

    Returns:
        In order, not overlapping.
    """
    release = rule.threshold if rule.release_threshold is None else rule.release_threshold
    # Compared as float32, as scores are stored: 0.7 must reach a threshold of 0.7.
    over = (scores >= np.float32(rule.threshold)) & counted  # [F]; comparisons with NaN are False
    held = (scores >= np.float32(release)) & counted  # [F]
    runs: list[tuple[int, int]] = []
    for first, last in _true_runs(held):
        begin = first + int(np.argmax(over[first : last + 1]))
        if not over[begin]:
            continue
        if runs and starts[begin] - ends[runs[-1][1]] <= rule.max_gap_s * 1e6:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((begin, last))
    long_enough = [(a, b) for a, b in runs if ends[b] - starts[a] >= rule.min_duration_s * 1e6]
    return [FrameRun(a, b, _peak(scores, counted, a, b)) for a, b in long_enough]


def counted_frames(rule: RuleDefinition, video: StoredVideo, starts: Micros) -> NDArray[np.bool_]:
    """[F] whether each frame lies in the rule's hours, in the time zone of the video's camera."""
    if rule.hours is None:
        return np.ones(len(starts), dtype=np.bool_)
    seconds = (starts - starts[0]) / 1e6 if len(starts) else np.zeros(0)
    first = to_datetime(int(starts[0])) if len(starts) else video.recorded_at
    return Hours.parse(rule.hours).mask(first, seconds, video.time_zone)


def _true_runs(values: NDArray[np.bool_]) -> Sequence[tuple[int, int]]:
    edges = np.diff(values.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def _peak(scores: NDArray[np.float32], counted: NDArray[np.bool_], first: int, last: int) -> int:
    inside = np.where(counted[first : last + 1], scores[first : last + 1], np.nan)
    return first + int(np.nanargmax(inside))
