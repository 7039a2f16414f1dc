"""How fast the frames of a file follow each other: stretches of one rate, and holes between them.

Which frames are sampled, where segments end and how far smoothing reaches follow from it alone, so all who need one of
these come to the same answer: ingest, scans, quotes, evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Self

import numpy as np

from anyanomaly_core.footage.broken_clocks import Seconds
from anyanomaly_core.footage.timeline import duration, frame_ends

_BLOCK_S = 2.0  # a rate is looked at so long at a time
_SAME_RATE = 1.5  # rates within this factor are one
_APART_S = 1e-6


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of about one rate, without a hole."""

    first_frame: int
    frame_count: int
    start_s: float  # since the file's beginning
    end_s: float  # of the last frame

    @property
    def interval_s(self) -> float:
        """Seconds from frame to frame; 0 where a single frame's length is unknown."""
        return (self.end_s - self.start_s) / self.frame_count


@dataclass(frozen=True, slots=True)
class Pace:
    """All stretches of a file, in order; what lies between two of them, or before the first, was not recorded."""

    stretches: tuple[Stretch, ...] = ()

    @classmethod
    def steady(cls, frame_count: int, fps: float) -> Self:
        """Pace of a file without holes that has one rate throughout; ``fps`` above 0."""
        return cls((Stretch(0, frame_count, 0.0, frame_count / fps),) if frame_count else ())

    @classmethod
    def of(cls, times_s: Seconds, header_fps: Fraction) -> Self:
        """Pace from the time of each frame.

        Args:
            times_s: [F] as in FrameIndex, F >= 1.
            header_fps: for a single frame; 0: unknown.
        """
        ends = frame_ends(times_s)
        ends[-1] = duration(times_s, header_fps)
        firsts = np.concatenate(([0], np.flatnonzero(times_s[1:] - ends[:-1] > _APART_S) + 1, [len(times_s)]))
        stretches: list[Stretch] = []
        for first, beyond in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
            bounds = first + np.array([*_changes(times_s[first:beyond], float(ends[beyond - 1])), beyond - first])
            edges = [*times_s[bounds[:-1]].tolist(), float(ends[beyond - 1])]
            stretches += [
                Stretch(int(a), int(b - a), start, end)
                for a, b, start, end in zip(bounds[:-1], bounds[1:], edges[:-1], edges[1:], strict=True)
            ]
        return cls(tuple(stretches))

    @property
    def frame_count(self) -> int:
        """Frames of the file."""
        return sum(stretch.frame_count for stretch in self.stretches)

    @property
    def recorded_s(self) -> float:
        """Seconds of the file that frames stand for."""
        return sum(stretch.end_s - stretch.start_s for stretch in self.stretches)

    @property
    def pieces(self) -> list[Sequence[Stretch]]:
        """Stretches between which there is no hole."""
        bounds = [
            place
            for place in range(1, len(self.stretches))
            if self.stretches[place].start_s - self.stretches[place - 1].end_s > _APART_S
        ]
        pieces = pairwise([0, *bounds, len(self.stretches)])
        return [self.stretches[first:beyond] for first, beyond in pieces if beyond > first]


def _changes(times_s: Seconds, end_s: float) -> list[int]:
    """Frames, counted from the first of ``times_s``, at which another rate begins; the first is one of them."""
    firsts = np.flatnonzero(np.diff(np.floor((times_s - times_s[0]) / _BLOCK_S), prepend=-1.0))  # of each block
    counts = np.diff(firsts, append=len(times_s))
    lengths = np.diff(times_s[firsts], append=end_s)
    intervals = lengths / counts
    if intervals.max() <= _SAME_RATE * intervals.min():
        return [0]
    changes, frames, seconds = [0], int(counts[0]), float(lengths[0])
    for first, count, length in zip(firsts[1:].tolist(), counts[1:].tolist(), lengths[1:].tolist(), strict=True):
        before, now = seconds / frames, length / count
        if max(before, now) > _SAME_RATE * min(before, now):
            changes.append(first)
            frames, seconds = 0, 0.0
        frames, seconds = frames + count, seconds + length
    return changes
