"""A file's true frames: their number, times, motion, and what is damaged.

A frame is what ffmpeg decodes. Where the packets of a healthy file say exactly what that will be, they are read and
nothing is decoded; everywhere else one pass decodes the whole file.
"""

from array import array
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage.command import decoding
from anyanomaly_core.footage.header import Header
from anyanomaly_core.footage.motion import GRID_HEIGHT, GRID_WIDTH, change
from anyanomaly_core.footage.packet_list import list_packets
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import packet_ends, read_header, why_unreadable
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor
from anyanomaly_core.footage.second_recording import find_second_recording
from anyanomaly_core.footage.timeline import ASSUMED_FPS, Timeline, frame_interval, repair
from anyanomaly_core.footage.types import FrameIndex

_FILTERS = (f"scale={GRID_WIDTH}:{GRID_HEIGHT}:flags=area",)
_NO_TIME = str(-(1 << 63))
_LOST_S = 0.25  # so late, a first picture is not the first that was recorded
_SHORT_BY_S = 1.0  # a container's duration may be off by a frame or two; by more than this, footage is missing


def index_frames(
    path: str | Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    fps_without_clock: float | None = None,
    from_packets: bool = True,
) -> FrameIndex:
    """Read the packets of ``path``, or decode all of it once, small and grey, in constant memory besides its times.

    The newest few results are remembered.

    Args:
        path: a local file.
        limits: what the decoding child may use.
        fps_without_clock: frames per second of a bare stream that states no rate either; none: what ffmpeg assumes.
        from_packets: do not decode where the packets are enough; then no motion is known.

    Returns:
        Times, motion and damage of every frame that ffmpeg decodes. A file of which only a part can be decoded is
        returned with ``complete=False`` and the reason last in ``damage``.

    Raises:
        FootageError: the file cannot be opened.
        UnreadableFootageError: no frame can be decoded; the message says why.
    """
    try:
        state = Path(path).stat()
    except (OSError, ValueError) as error:
        raise FootageError(f"{str(path)!r} cannot be opened: {error}.") from None
    file = str(path), state.st_ino, state.st_size, state.st_mtime_ns
    return _index_frames(*file, limits, fps_without_clock, from_packets)


@lru_cache(maxsize=2)
def _index_frames(
    path: str,
    _inode: int,
    _size: int,
    _modified: int,
    limits: Limits,
    fps_without_clock: float | None,
    from_packets: bool,
) -> FrameIndex:
    """As index_frames; the file's state is in the arguments so that a changed file is read anew."""
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    joined = _joined(path, header)
    if from_packets and joined is None and (index := _packet_index(path, header, limits)) is not None:
        return index
    times, motion, complaints, problem = _decode_all(path, limits)
    if not times:
        said = complaints if problem is None else (*complaints, problem)
        raise UnreadableFootageError(why_unreadable(path, header, said))
    stated = np.frombuffer(times, np.float64)
    timeline = _timeline(stated, header, fps_without_clock)
    for shared in (timeline.times_s, timeline.holes_s):
        shared.flags.writeable = False
    notes = timeline.notes
    if complaints and header.stated_frames > len(stated):  # without complaints an edit list hides frames on purpose
        notes = (f"the header states {header.stated_frames} frames, {len(stated)} could be decoded", *notes)
    missing = _missing_end(Path(path), header, stated, timeline, limits)
    ends = tuple(reason for reason in (problem, missing, joined, _no_memory(complaints)) if reason is not None)
    return FrameIndex(
        times_s=timeline.times_s,
        motion=np.frombuffer(motion, dtype=np.float32).copy(),
        damage=(*complaints, *notes, *ends),
        complete=not ends and not timeline.times_s[0],
        holes_s=timeline.holes_s,
        as_stated=timeline.as_stated,
    )


def _packet_index(path: str, header: Header, limits: Limits) -> FrameIndex | None:
    """Index of a whole file whose packets are its pictures; None: it must be decoded."""
    if header.begin_s is None or header.undecodable or not header.has_clock or header.encrypted:
        return None  # not even its first picture can be decoded by itself, or it has no times
    packets = list_packets(path, limits=limits)
    if packets is None:
        return None
    stated = packets.times_s
    timeline = _timeline(stated, header, None)
    if timeline.times_s[0] or _missing_end(Path(path), header, stated, timeline, limits) is not None:
        return None
    for shared in (timeline.times_s, timeline.holes_s):
        shared.flags.writeable = False
    return FrameIndex(
        times_s=timeline.times_s,
        motion=None,
        damage=timeline.notes,
        complete=True,
        holes_s=timeline.holes_s,
        as_stated=timeline.as_stated,
    )


def _decode_all(path: str | Path, limits: Limits) -> tuple["array[float]", "array[float]", tuple[str, ...], str | None]:
    """Times in seconds, motion, complaints, and why decoding ended early if it did."""
    times, motion = array("d"), array("f")
    picture = np.empty((GRID_HEIGHT, GRID_WIDTH), np.uint8)
    before = picture.copy()
    with footage_descriptor(path) as source, Child(decoding(_FILTERS, "gray", limits), source, side=True) as child:
        pipes = Pipes(child, source, limits.stall_s)
        try:
            while pipes.read_into(picture.data.cast("B")) == picture.size:
                line = pipes.line()
                if line is None:
                    break
                _, ticks, unit = line.split(" ")
                times.append(nan if ticks == _NO_TIME else float(int(ticks) * _seconds(unit)))
                motion.append(change(before, picture) if len(motion) else 0.0)
                before, picture = picture, before
            status = pipes.finish()
        except StallError:
            status = None
        return times, motion, pipes.complaints.lines(), describe_end(status, limits)


@lru_cache(maxsize=16)
def _seconds(unit: str) -> Fraction:
    return Fraction(unit)


def _timeline(stated: NDArray[np.float64], header: Header, fps_without_clock: float | None) -> Timeline:
    if not header.has_clock:
        return _without_clock(stated, header, fps_without_clock)
    lost = 0.0 if header.begin_s is None else stated[0] - header.begin_s
    # A first picture that decodes may still be laid later than its packet; where others come before it, it is late.
    is_lost = lost > 0 and (header.undecodable > 0 or lost >= _LOST_S)
    return repair(stated, begin_s=header.begin_s if is_lost else None, fps=float(header.fps))


def _without_clock(stated: NDArray[np.float64], header: Header, fps: float | None) -> Timeline:
    """Times of a bare stream: ffmpeg counts pictures, by the rate that they state or else by one of its own."""
    counted = float(header.coded_fps or header.fps) or ASSUMED_FPS
    rate = counted if header.coded_fps or fps is None else fps
    stated = stated * (counted / rate)
    begin = float(stated[0]) - header.undecodable / rate if header.undecodable else None
    timeline = repair(stated, begin_s=begin, fps=rate)
    if header.coded_fps:
        return timeline
    why = (
        "were assumed; ANYANOMALY_FPS_WITHOUT_CLOCK may say otherwise" if fps is None else "were assumed as configured"
    )
    note = f"the file states neither times nor a rate: {rate:g} frames a second {why}"
    return replace(timeline, notes=(note, *timeline.notes), as_stated=timeline.as_stated and rate == counted)


def _joined(path: str, header: Header) -> str | None:
    begin = find_second_recording(path, header.format)
    if begin is None:
        return None
    return (
        f"another recording begins at byte {begin}, which ffmpeg does not read, or not whole: "
        "files were joined byte for byte. Cut it off there, or join them with ffmpeg's concat demuxer"
    )


def _no_memory(complaints: tuple[str, ...]) -> str | None:
    """Where memory was short; ffmpeg goes on without the pictures concerned and ends well."""
    if not any("get_buffer() failed" in line or "Cannot allocate memory" in line for line in complaints):
        return None
    return "the decoder had no memory for some pictures: a damaged file, or ANYANOMALY_DECODE_MEMORY_MB is too low"


def _missing_end(
    path: Path, header: Header, stated: NDArray[np.float64], timeline: Timeline, limits: Limits
) -> str | None:
    """What the container promises beyond the last frame, in words; None: nothing."""
    if header.duration_s is None:
        return None
    if np.isnan(stated).all():
        stated = timeline.times_s
    interval = frame_interval(timeline.times_s)
    length = max(float(timeline.times_s[-1]), float(np.nanmax(stated) - np.nanmin(stated))) + interval
    end = float(np.nanmax(stated)) + interval
    if header.duration_s - (length if header.duration_is_video else max(length, end)) <= _SHORT_BY_S:
        return None
    # A container's length is that of its longest stream: sound may go on where the pictures end.
    packets = None if header.duration_is_video else packet_ends(path, limits)
    if packets is not None and packets[0] - end <= _SHORT_BY_S and header.duration_s - packets[1] <= _SHORT_BY_S:
        return None
    return f"the container states {header.duration_s:.2f} s of video, {length:.2f} s could be decoded"
