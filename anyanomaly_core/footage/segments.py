"""Segments: consecutive runs of sampled frames that together cover every frame of a file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.profile import SamplingSpec

_TOLERANCE = 1e-6  # of a number of samples


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of source frames ``first_frame..last_frame`` (inclusive), of which ``sampled`` are looked at."""

    index: int
    first_frame: int
    last_frame: int
    sampled: Sequence[int]  # source frame numbers; a range where they can be: ten hours of segments are held at once
    sample_s: float = 0.0  # seconds from one sampled frame to the next, on average; 0: unknown

    @property
    def frame_count(self) -> int:
        """Source frames this segment stands for."""
        return self.last_frame - self.first_frame + 1


def split_into_segments(pace: Pace, sampling: SamplingSpec) -> list[Segment]:
    """Which frames of a file are sampled, and the segments they make. Every frame belongs to exactly one segment.

    In a stretch of one rate every so many frames one is sampled, its first one included. A segment ends with so many
    samples, or seconds, as ``sampling`` says, and at a hole, and also stands for the frames that follow its samples; it
    may be shorter (paper section 3.1 drops the last one of a video, we do not).
    """
    segments: list[Segment] = []
    for piece in pace.pieces:
        numbers, spans = _samples(piece, sampling)
        bounds = _bounds(spans, sampling)
        beyond = piece[-1].first_frame + piece[-1].frame_count
        firsts = [*numbers[bounds[:-1]].tolist(), beyond]
        steady = len(piece) == 1
        step = int(numbers[1] - numbers[0]) if len(numbers) > 1 else beyond
        for place, (a, b) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            first, last = firsts[place], firsts[place + 1] - 1
            sampled = range(first, last + 1, step) if steady else tuple(numbers[a:b].tolist())
            segments.append(Segment(len(segments), first, last, sampled, float(spans[a:b].mean())))
    return segments


@lru_cache(maxsize=4096)
def count_segments(pace: Pace, sampling: SamplingSpec) -> int:
    """How many segments ``split_into_segments`` makes."""
    return sum(len(_bounds(_samples(piece, sampling)[1], sampling)) - 1 for piece in pace.pieces)


def sampled_ranges(segments: Iterable[Segment]) -> list[range]:
    """The sampled frames of consecutive segments, as few ranges."""
    ranges: list[range] = []
    for part in (part for segment in segments for part in _even_parts(segment.sampled)):
        last = ranges[-1] if ranges else range(0)
        step = part.step if len(part) > 1 else last.step
        goes_on = last and part.start == last[-1] + (last.step if len(last) > 1 else step)
        if goes_on and (len(last) == 1 or step == last.step):
            ranges[-1] = range(last.start, part[-1] + 1, step)
        else:
            ranges.append(part)
    return ranges


def _samples(piece: Sequence[Stretch], sampling: SamplingSpec) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """[m] sampled frames of a piece, and how many seconds each stands for."""
    numbers, spans = [], []
    for stretch in piece:
        interval = stretch.interval_s
        step = sampling.step(1 / interval if interval > 0 else 0.0)
        own = np.arange(stretch.first_frame, stretch.first_frame + stretch.frame_count, step)
        numbers.append(own)
        spans.append(np.full(len(own), step * interval))
    return np.concatenate(numbers), np.concatenate(spans)


def _bounds(spans: NDArray[np.float64], sampling: SamplingSpec) -> NDArray[np.int64]:
    """[segments + 1] places in [m] samples at which segments begin, and m."""
    most, seconds = sampling.segment_frames, sampling.segment_s
    if seconds is None or (spans == spans[0]).all():
        fit = most if seconds is None or spans[0] <= 0 else int(seconds / spans[0] + _TOLERANCE)
        return np.append(np.arange(0, len(spans), max(1, min(most, fit))), len(spans))
    ends = np.cumsum(spans)
    bounds = [0]
    while bounds[-1] < len(spans):
        first = bounds[-1]
        until = ends[first] - spans[first] + seconds * (1 + _TOLERANCE)
        bounds.append(max(first + 1, min(first + most, int(np.searchsorted(ends, until, "right")))))
    return np.array(bounds)


def _even_parts(sampled: Sequence[int]) -> Iterator[range]:
    if isinstance(sampled, range):
        yield sampled
        return
    numbers = list(sampled)
    while numbers:
        step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
        count = next((n for n in range(1, len(numbers)) if numbers[n] - numbers[n - 1] != step), len(numbers))
        yield range(numbers[0], numbers[count - 1] + 1, step)
        numbers = numbers[count:]
