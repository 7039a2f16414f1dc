"""Which stated times of a file are wrong, and where its clock began again or was set.

Both are told by what comes after: a clock that goes on as if nothing had been stated in between was right, and what was
stated in between was wrong; one that does not come back has begun again.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

DAY_S = 86_400.0  # no recorder pauses longer within a file
_REACH = 1000  # frames, before or after, among which a clock may be found to go on
_AROUND = 6  # frames that tell how long intervals are there
_LONE, _LONE_S, _LONE_INTERVALS = 3, 600.0, 10.0  # so few frames at an end, so far from all others, are stamped wrongly


@dataclass(frozen=True, slots=True)
class ClockFaults:
    """What a file's times are worth."""

    wrong: NDArray[np.bool_]  # [F] frames whose stated time says nothing
    starts: tuple[int, ...]  # first frame of each clock; times of different clocks cannot be compared


def find_clock_faults(stated: Seconds, interval: float) -> ClockFaults:
    """Tell wrong times from clocks that began again or were set.

    Args:
        stated: [F] in order of display, F >= 1.
        interval: seconds that usually lie between two frames.
    """
    wrong = np.zeros(len(stated), np.bool_)
    starts = [0]
    for at in (np.flatnonzero(np.diff(stated) < 0) + 1).tolist():
        if wrong[at]:
            continue
        misfits = _misfits(stated, wrong, starts[-1], at, interval)
        if misfits is not None:
            wrong[misfits] = True
        elif at - starts[-1] <= _LONE and len(starts) == 1:
            wrong[:at] = True
        elif len(stated) - at <= _LONE:
            wrong[at:] = True
        else:
            starts.append(at)
    _mark_lone_ends(stated, wrong)
    return ClockFaults(wrong, tuple(sorted({*starts, *_leaps(stated, wrong)})))


def join_clocks(stated: Seconds, clocks: ClockFaults, interval: float) -> Seconds:
    """[F] times on one clock, not decreasing; wrong ones lie evenly between their neighbours."""
    right = np.flatnonzero(~clocks.wrong)
    times = stated[right].copy()  # [right]
    # A clock of wrong frames alone begins nowhere.
    starts = [start for start in np.searchsorted(right, clocks.starts).tolist() if 0 < start < len(right)]
    for first, end in pairwise([*starts, len(right)]):
        frames = right[first] - right[first - 1]
        begin = times[first - 1] + frames * interval
        times[first:end] = times[first:end] - times[first] + begin  # in this order: rounded, it is not before ``begin``
    joined: Seconds = np.interp(np.arange(len(stated)), right, times)
    before, after = np.arange(right[0], 0, -1), np.arange(1, len(stated) - right[-1])
    joined[: right[0]] = times[0] - before * interval
    joined[right[-1] + 1 :] = times[-1] + after * interval
    return joined


def _misfits(stated: Seconds, wrong: NDArray[np.bool_], start: int, at: int, interval: float) -> slice | None:
    """The frames before or after ``at``, where time goes back, that are wrong; None: the clock has begun again."""
    right = np.flatnonzero(~wrong[max(start, at - _REACH) : at]) + max(start, at - _REACH)
    times = stated[right]
    steps = np.diff(times[-_AROUND:])
    local = float(np.median(steps[steps > 0])) if (steps > 0).any() else interval
    bounds = min(local, interval), max(local, interval)
    # The clock was right before frames that are too late ...
    earlier = int(np.searchsorted(times, stated[at])) - 1
    if earlier >= 0:
        gap, jump = stated[at] - times[earlier], times[-1] - times[earlier]
        if _goes_on(gap, at - int(right[earlier]), jump, bounds):
            return slice(int(right[earlier]) + 1, at)
    # ... or is right again after frames that are too early.
    later = np.flatnonzero(stated[at + 1 : at + _REACH] > times[-1])
    if len(later):
        back = at + 1 + int(later[0])
        gap, jump = stated[back] - times[-1], times[-1] - stated[at]
        trembles = jump < 2 * local and back - at < _AROUND
        if trembles or _goes_on(gap, back - int(right[-1]), jump, bounds):
            return slice(at, back)
    return None


def _goes_on(gap: float, frames: int, jump: float, intervals: tuple[float, float]) -> bool:
    """Whether so many frames may lie in a gap. The larger the jump that is taken back, the less can it be chance."""
    return frames * intervals[0] / 2 <= gap <= max(2 * frames * intervals[1] + 1.0, jump / 10)


def _mark_lone_ends(stated: Seconds, wrong: NDArray[np.bool_]) -> None:
    """A few frames at the beginning or end far from all others: nothing proves it, but they are hardly right."""
    right = np.flatnonzero(~wrong)
    steps = np.diff(stated[right])
    for order in (1, -1):  # from the beginning, from the end
        frames, from_end = right[::order], steps[::order]
        for count in range(1, min(_LONE, len(right) // 4) + 1):
            others = np.delete(from_end, count - 1)
            usual = float(others[(others > 0) & (others <= DAY_S)].max(initial=0.0))
            if from_end[count - 1] > max(_LONE_S, _LONE_INTERVALS * usual):
                wrong[frames[:count]] = True
                break


def _leaps(stated: Seconds, wrong: NDArray[np.bool_]) -> list[int]:
    """Frames at which a clock was set forward by more than a day."""
    right = np.flatnonzero(~wrong)
    return [int(frame) for frame in right[1:][np.diff(stated[right]) > DAY_S]]
