"""One pass over a file that finds its true frames: their number, times, motion, and what is damaged."""

from array import array
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import UnreadableFootageError
from anyanomaly_core.footage.command import decoding
from anyanomaly_core.footage.header import Header
from anyanomaly_core.footage.motion import GRID_HEIGHT, GRID_WIDTH, change
from anyanomaly_core.footage.pipes import Pipes, Stalled
from anyanomaly_core.footage.probe import read_header, why_unreadable
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, opened
from anyanomaly_core.footage.types import FrameIndex

_FILTERS = (f"scale={GRID_WIDTH}:{GRID_HEIGHT}:flags=area",)
_LEAP_S = 86_400.0  # a longer wait between two frames of one file is a broken clock
_SHORT_BY_S = 1.0  # a container's duration may be off by a frame or two; by more than this, footage is missing


def index_frames(path: str | Path, *, limits: Limits = Limits()) -> FrameIndex:  # noqa: B008  (frozen)
    """Decode all of ``path`` once, small and grey, in constant memory besides 12 bytes per frame.

    Args:
        path: a local file.
        limits: what the decoding child may use.

    Returns:
        Times, motion and damage of every frame that ffmpeg decodes. A file of which only a part can be decoded is
        returned with ``complete=False`` and the reason last in ``damage``.

    Raises:
        FootageError: the file cannot be opened.
        UnreadableFootageError: no frame can be decoded; the message says why.
    """
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    times, motion, complaints, problem = _decode_all(path, limits)
    if not times:
        said = complaints if problem is None else (*complaints, problem)
        raise UnreadableFootageError(why_unreadable(path, header, said))
    seconds, repairs = _relative(times)
    short = _missing_end(seconds, header)
    if complaints and header.stated_frames > len(seconds):  # without complaints an edit list hides frames on purpose
        repairs = (*repairs, f"the header states {header.stated_frames} frames, {len(seconds)} could be decoded")
    ends = tuple(reason for reason in (problem, short, _no_memory(complaints)) if reason is not None)
    return FrameIndex(
        times_s=seconds,
        motion=np.frombuffer(motion, dtype=np.float32).copy(),
        damage=(*complaints, *repairs, *ends),
        complete=not ends,
    )


def _decode_all(path: str | Path, limits: Limits) -> tuple["array[float]", "array[float]", tuple[str, ...], str | None]:
    """Times in seconds, motion, complaints, and why decoding ended early if it did."""
    times, motion = array("d"), array("f")
    picture = np.empty((GRID_HEIGHT, GRID_WIDTH), np.uint8)
    before = picture.copy()
    with opened(path) as source, Child(decoding(_FILTERS, "gray", limits), source, side=True) as child:
        pipes = Pipes(child, source, limits.stall_s)
        try:
            while pipes.read_into(picture.data.cast("B")) == picture.size:
                line = pipes.line()
                if line is None:
                    break
                _, ticks, unit = line.split(" ")
                times.append(float(int(ticks) * _seconds(unit)))
                motion.append(change(before, picture) if len(motion) else 0.0)
                before, picture = picture, before
            status = pipes.finish()
        except Stalled:
            status = None
        return times, motion, pipes.complaints.lines(), describe_end(status, limits)


@lru_cache(maxsize=16)
def _seconds(unit: str) -> Fraction:
    return Fraction(unit)


def _relative(times: "array[float]") -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Times since the first frame, never decreasing nor leaping, and notes where the file's own times did."""
    stated = np.frombuffer(times, dtype=np.float64) - times[0]
    steps = np.diff(stated)
    backwards, leaps = steps < 0, steps > _LEAP_S
    notes = []
    if leaps.any():
        usual = float(np.median(steps[~leaps & ~backwards])) if (~leaps & ~backwards).any() else 0.0
        stated = np.concatenate(([0.0], np.cumsum(np.where(leaps, usual, steps))))
        notes.append(f"{leaps.sum()} frame(s) stated a time over a day after the frame before; the leap was left out")
    if backwards.any():
        notes.append(f"{backwards.sum()} frame(s) stated a time before the frame before; they were given its time")
    return np.maximum.accumulate(stated), tuple(notes)


def _no_memory(complaints: tuple[str, ...]) -> str | None:
    """Where memory was short; ffmpeg goes on without the pictures concerned and ends well."""
    if not any("get_buffer() failed" in line or "Cannot allocate memory" in line for line in complaints):
        return None
    return "the decoder had no memory for some pictures: a damaged file, or ANYANOMALY_DECODE_MEMORY_MB is too low"


def _missing_end(seconds: NDArray[np.float64], header: Header) -> str | None:
    if header.duration_s is None:
        return None
    decoded = float(seconds[-1]) + (float(1 / header.fps) if header.fps else 0.0)
    if header.duration_s - decoded <= _SHORT_BY_S:
        return None
    return f"the container states {header.duration_s:.2f} s of video, {decoded:.2f} s could be decoded"
