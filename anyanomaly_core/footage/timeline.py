"""One model of time: when each frame of a file was recorded, from the times that the file states.

Stated times are believed where they can be true, and only there. Time goes forward, so:

* a time outside those of its neighbours, while these are as far apart as frames are, is wrong; the frame is between;
* a clock that goes back for good has begun again; what follows is joined to what was before;
* a step of over a day is a clock that was set; it is left out;
* frames that state the same time share the interval to the next one; where many state it and the next comes at once,
  the clock stood still, as where it was set back and a recorder wrote the least step instead; they follow each other at
  the usual interval, and so does what comes after;
* every other interval is true. One far longer than those around it is a *hole*: nothing was recorded.

Pure numbers, no files. All times are in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.broken_clocks import DAY_S, ClockFaults, Seconds, find_clock_faults, join_clocks

Holes = NDArray[np.float64]  # [H, 2] begin and end of each

ASSUMED_FPS = 25.0  # of frames that state nothing at all
HOLE_S, HOLE_INTERVALS = 1.0, 3.0  # a hole is longer than both: seconds, and times the intervals around it
_AROUND = 5  # intervals on each side
_RATE_FRAMES = 50  # over so many frames a rate is measured
_FASTEST = 1000.0  # frames a second; a header that states more is not believed
_STANDING_S, _STANDING_FRAMES = 1.5e-3, 10  # so little between so many frames is no time; no camera is that fast
_TOO_SOON = 0.25  # of the usual interval: frames that would share less did not come in a burst
_SAME_RATE = 0.01  # so far a header may be from what was measured


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the frames of a file were recorded."""

    times_s: Seconds  # [F] since the file's beginning, not decreasing; the first is not 0 where the beginning is lost
    holes_s: Holes  # without a frame; a lost beginning is the first
    notes: tuple[str, ...]  # what was repaired and what is missing
    as_stated: bool  # all times are as stated, but for a shift that all share


def repair(stated_s: Seconds, *, begin_s: float | None = None, fps: float = 0.0) -> Timeline:
    """When the frames of a file were recorded.

    Args:
        stated_s: [F] times as stated, F >= 1, in order of display; NaN where none is.
        begin_s: stated beginning, where it lies before the first frame: what is between could not be decoded.
        fps: as the header states it, for frames whose times say nothing; 0: unknown.
    """
    given = stated_s if begin_s is None else np.concatenate(([begin_s], stated_s))
    stated = _standing(_carry_forward(given))
    interval = _stated_interval(stated) or 1 / (fps if 0 < fps <= _FASTEST else ASSUMED_FPS)
    clocks = find_clock_faults(stated, interval)
    joined = join_clocks(stated, clocks, interval)
    times = _spread(joined, interval)
    times -= times[0]
    repairs = tuple(_repairs(given, clocks, joined, interval))
    if begin_s is None:
        holes = holes_of(times)
    else:
        times = times[1:]
        holes = np.concatenate(([[0.0, times[0]]], holes_of(times)))
    return Timeline(times, holes, (*repairs, *_absences(times, holes)), as_stated=not repairs)


def holes_of(times_s: Seconds) -> Holes:
    """Where nothing was recorded: from the end of a frame, which lasts as long as those before it, to the next."""
    steps = np.diff(times_s)
    places = np.flatnonzero(steps > HOLE_S)
    padded = np.pad(steps, _AROUND, constant_values=np.nan)
    around = np.arange(_AROUND)
    before = _medians(padded[places[:, None] + around])
    after = _medians(padded[places[:, None] + around + _AROUND + 1])
    usual = np.fmax(before, after)  # NaN for the only step of all: nothing tells what is usual
    long = steps[places] > HOLE_INTERVALS * usual
    begins = times_s[:-1][places] + np.where(np.isnan(before), after, before)
    return np.stack((begins, times_s[1:][places]), axis=1)[long]


def frame_ends(times_s: Seconds) -> Seconds:
    """[F] when each frame ends: where the next or a hole begins; the last one after the usual interval."""
    ends = np.append(times_s[1:], times_s[-1:] + frame_interval(times_s))
    holes = holes_of(times_s)
    ends[np.searchsorted(times_s, holes[:, 1]) - 1] = holes[:, 0]
    return ends


def frame_interval(times_s: Seconds) -> float:
    """Seconds that usually lie between two frames, holes left out; 0 for a single frame.

    It is the median over stretches of frames: containers round times, and recorders write frames in bursts.
    """
    steps = np.diff(times_s)
    steps = np.delete(steps, np.searchsorted(times_s, holes_of(times_s)[:, 1]) - 1)
    if not len(steps):
        return 0.0
    elapsed = np.concatenate(([0.0], np.cumsum(steps)))
    count = min(_RATE_FRAMES, len(steps))
    return float(np.median(elapsed[count:] - elapsed[:-count])) / count


def duration(times_s: Seconds, header_fps: Fraction) -> float:
    """Seconds from the file's beginning to the end of its last frame.

    Args:
        times_s: [F] F >= 1.
        header_fps: for a single frame; 0 when unknown.
    """
    lasts = frame_interval(times_s) or (float(1 / header_fps) if header_fps > 0 else 0.0)
    return round(float(times_s[-1]) + lasts, 6)


def frame_rate(times_s: Seconds, header_fps: Fraction) -> Fraction:
    """Frames per second by the frames' own times; in the header's words where it says the same. 0: unknown."""
    interval = frame_interval(times_s)
    if interval <= 0:
        return header_fps if header_fps <= _FASTEST else Fraction(0)
    if abs(float(header_fps) * interval - 1) <= _SAME_RATE:
        return header_fps
    return Fraction(1 / interval).limit_denominator(1001)


def _medians(rows: Seconds) -> Seconds:
    """[n] median of each of [n, k], NaN left out; NaN where there is nothing else."""
    counts = np.isfinite(rows).sum(axis=1, keepdims=True)
    ordered = np.sort(rows, axis=1)  # NaN last
    middle = [np.take_along_axis(ordered, np.maximum(counts - 1 + more, 0) // 2, axis=1) for more in (0, 1)]
    return np.asarray((middle[0] + middle[1])[:, 0] / 2)


def _carry_forward(given: Seconds) -> Seconds:
    """Replace each NaN by the time before it."""
    known = np.flatnonzero(np.isfinite(given))
    if not len(known):
        return np.zeros(len(given))
    places = np.searchsorted(known, np.arange(len(given)), side="right") - 1
    return given[known[np.maximum(places, 0)]]


def _stated_interval(stated: Seconds) -> float:
    """Seconds that usually lie between two frames, those of the same time sharing it; 0 where no two times differ."""
    firsts = np.flatnonzero(np.diff(stated, prepend=np.nan) != 0)
    counts = np.diff(firsts)
    steps = np.diff(stated[firsts])
    forward = (steps > _STANDING_S * counts) & (steps <= DAY_S)
    return float(np.median(np.repeat((steps / counts)[forward], counts[forward]))) if forward.any() else 0.0


def _standing(times: Seconds) -> Seconds:
    """[F] with one time for each long run of frames between which lies next to nothing."""
    starts = np.flatnonzero(~(np.abs(np.diff(times, prepend=np.nan)) < _STANDING_S))
    counts = np.diff(starts, append=len(times))
    long = np.repeat(counts >= _STANDING_FRAMES, counts)
    return np.where(long, np.repeat(times[starts], counts), times)


def _spread(times: Seconds, interval: float) -> Seconds:
    """Frames of the same time share the interval to the next, as far as it is an interval and no hole.

    Of a clock that stood still they follow each other at the usual interval, and everything behind is as much later.
    """
    firsts = np.flatnonzero(np.diff(times, prepend=np.nan) != 0)
    counts = np.diff(firsts, append=len(times))
    steps = np.diff(times[firsts], append=np.inf)
    shares = steps / counts
    stood = (counts >= _STANDING_FRAMES) & (shares < _TOO_SOON * interval)
    late = np.where(stood, counts * interval - steps, 0.0)
    shares = np.where((shares <= 1.5 * interval) & ~stood, shares, interval)
    shifted: Seconds = times + np.repeat(np.concatenate(([0.0], np.cumsum(late)[:-1])), counts)
    return shifted + (np.arange(len(times)) - np.repeat(firsts, counts)) * np.repeat(shares, counts)


def _repairs(given: Seconds, clocks: ClockFaults, joined: Seconds, interval: float) -> Iterator[str]:
    """Notes on what was not as stated."""
    rate = f"{1 / interval:.4g} a second"
    same = np.diff(joined) == 0
    unknown = int(np.isnan(given).sum())
    if len(given) > 1 and same.all():
        yield f"all frames state the same time, or none; they were laid {rate}"
        return
    if unknown:
        yield f"{unknown} frame(s) state no time; they were laid behind the frame before"
    if same.sum() > unknown:
        count = same.sum() - unknown
        yield f"{count} frame(s) state the time of the frame before; they share the interval to the next, or go {rate}"
    if count := int(clocks.wrong.sum()):
        yield f"{count} frame(s) state a wrong time, outside that of their neighbours; they were laid between these"
    if count := len(clocks.starts) - 1:
        yield f"the times begin again or leap {count} time(s); what follows was joined to what was before"


def _absences(times: Seconds, holes: Holes) -> Iterator[str]:
    """Notes on footage that is not there."""
    if times[0] > 0:
        yield f"the first {times[0]:.2f} s cannot be decoded; the file does not begin with a whole picture"
        holes = holes[1:]
    if len(holes):
        lengths = holes[:, 1] - holes[:, 0]
        longest = int(lengths.argmax())
        where = f"the longest {lengths[longest]:.2f} s at {holes[longest, 0]:.2f} s"
        yield f"nothing was recorded in {len(holes)} hole(s) of {lengths.sum():.2f} s in all, {where}"
