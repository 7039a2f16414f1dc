"""Cutting a clip out of a file: MP4 with H.264 that begins and ends at exact frames, made by one confined ffmpeg.

What comes out is compared, frame by frame, with the times that the index knows; a way of cutting that does not give
exactly the frames asked for is given up for a slower one:

1. the packets are copied, where the file is H.264 as browsers play it and the clip begins and ends where packets do;
2. decoding begins two seconds before the clip;
3. decoding begins at the start of the file;
4. likewise, and frames are shown at a steady rate, since the file's own times are broken.

Where times were repaired, two frames may state the same one, so none is sought by it: only the last two ways are left.
"""

import dataclasses
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage.command import executable, source
from anyanomaly_core.footage.header import Header
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.nearby import BEFORE_S, TOLERANCE_S, first_moment
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import read_header, why_unreadable
from anyanomaly_core.footage.sandbox import Child, Limits, confine_command, describe_end, footage_descriptor

MOOV_BYTES = 8192, 64  # room for the table of contents at the front: in all, and per frame
_DISK_FULL, _TOO_LARGE = 256 - errno.ENOSPC, 256 - errno.EFBIG  # exit statuses of ffmpeg
Options = dict[str, str | float | None]  # of ffmpeg
QUALITY: Options = {"preset": "veryfast", "crf": 18, "g": 50}  # of libx264


@dataclass(frozen=True, slots=True)
class ClipPart:
    """What to cut: frames ``first..last`` of a file, both included."""

    times_s: NDArray[np.float64]  # [F] of every frame of the file, as in FrameIndex
    first: int
    last: int
    mask: Mask | None = None
    as_stated: bool = True  # as in FrameIndex; False: no frame is sought by its time

    @property
    def expected(self) -> NDArray[np.float64]:
        """[n] times of the clip's frames since the file's beginning."""
        return self.times_s[self.first : self.last + 1]


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """What ffmpeg says it wrote, in order of presentation."""

    numbers: tuple[int, ...]  # of decoded frames, counted from where decoding began; packets have none
    times_s: NDArray[np.float64]  # [n] in the file's own clock


def cut(path: Path, part: ClipPart, target: Path, *, limits: Limits) -> Literal["copied", "encoded"]:
    """Write the clip to ``target`` and return how: ``copied``, or ``encoded``.

    Sound is left out. Size is kept, made even; a mask is drawn; pictures stand upright.

    Args:
        path: a local file.
        part: what to cut.
        target: written in place; the caller gives it its final name.
        limits: what the child may use; ``written_mb`` bounds the clip.

    Raises:
        FootageError: the file cannot be opened, no way gives exactly these frames, or the clip cannot be written.
        UnreadableFootageError: nothing can be decoded.
    """
    if not 0 <= part.first <= part.last < len(part.times_s):
        raise FootageError(f"{path.name!r} has no frames {part.first} to {part.last}.")
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    origin = first_moment(path, dataclasses.replace(limits, written_mb=0)) - float(part.times_s[0])
    said = ""
    for how, command, fits in _ways(part, header, origin, limits):
        written, problem = _run(path, command, target, limits)
        if problem is None and fits(written):
            return how
        said = problem or f"gave {len(written.times_s)} frames instead of {len(part.expected)}, or others"
    raise FootageError(f"No exact clip of frames {part.first} to {part.last} of {path.name!r} can be cut: {said}.")


Way = tuple[Literal["copied", "encoded"], list[str], Callable[[ClipFrames], bool]]


def _ways(part: ClipPart, header: Header, origin: float, limits: Limits) -> list[Way]:
    def same_times(written: ClipFrames) -> bool:
        return _fit(written.times_s - origin, part.expected)

    def same_numbers(written: ClipFrames) -> bool:
        return written.numbers == tuple(range(part.first, part.last + 1))

    def both(written: ClipFrames) -> bool:
        return same_numbers(written) and same_times(written)

    ways: list[Way] = []
    if part.as_stated and _playable(header) and part.mask is None:
        ways.append(("copied", _copying(part, origin, limits), same_times))
    since, until = (origin + float(part.times_s[number]) for number in (part.first, part.last))
    between = f"between(t,{since - TOLERANCE_S:.6f},{until + TOLERANCE_S:.6f})"
    if part.as_stated and part.times_s[part.first] > 2 * BEFORE_S:
        seek: Options = {"ss": f"{since - BEFORE_S:.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
        ways.append(("encoded", _encoding(part, header, between, limits, seek=seek), same_times))
    numbered = f"between(n,{part.first},{part.last})"
    ways.append(("encoded", _encoding(part, header, numbered, limits), both))
    ways.append(("encoded", _encoding(part, header, numbered, limits, steady=True), same_numbers))
    return ways


def _fit(seen: NDArray[np.float64], expected: NDArray[np.float64]) -> bool:
    if len(seen) != len(expected):
        return False
    step = float(np.median(np.diff(expected))) if len(expected) > 1 else 1.0
    return bool(np.abs(np.sort(seen) - expected).max() <= min(TOLERANCE_S, step / 4))


def _playable(header: Header) -> bool:
    """H.264 that every browser plays, as it stands."""
    upright = not header.orientation.filters
    even = header.width % 2 == 0 and header.height % 2 == 0
    return header.codec == "h264" and header.pixel_format == "yuv420p" and upright and even


def _copying(part: ClipPart, origin: float, limits: Limits) -> list[str]:
    since = origin + float(part.times_s[part.first])
    seek: Options = {"ss": f"{since + TOLERANCE_S / 4:.6f}", "seek_timestamp": 1} if part.first else {}
    # Packets have no statistics; a second output lists them instead.
    listed: Options = {"map": "0:V:0", "c:v": "copy", "frames:v": part.last - part.first + 1, "format": "framecrc"}
    return _command(part, limits, seek, {"c:v": "copy"}, also=("pipe:{side}", listed))


def _encoding(
    part: ClipPart,
    header: Header,
    which: str,
    limits: Limits,
    *,
    seek: Options | None = None,
    steady: bool = False,
) -> list[str]:
    width, height = header.displayed_size
    stored = (height, width) if header.orientation.swaps_sides else (width, height)
    even = [f"pad={width + width % 2}:{height + height % 2}"] if width % 2 or height % 2 else []
    masking = [] if part.mask is None else part.mask.filters(width + width % 2, height + height % 2)
    filters = [
        f"select='{which}'",
        f"scale={stored[0]}:{stored[1]}:out_range=tv",
        *header.orientation.filters,
        *even,
        "format=yuv420p",
        *masking,
        *([f"settb=1/90000,setpts=N*{_interval(part):.6f}/TB"] if steady else []),
    ]
    options: Options = {
        "c:v": "libx264",
        **QUALITY,
        "pix_fmt": "yuv420p",
        "vf": ",".join(filters),
        "fps_mode": "passthrough",
        "enc_time_base": "filter" if steady else "demux",
        "threads": limits.threads,
        "stats_enc_pre": "pipe:{side}",
        "stats_enc_pre_fmt": "{ni} {pts} {tb}",
        "flags:v": "+bitexact",
    }
    return _command(part, limits, seek or {}, options)


def _interval(part: ClipPart) -> float:
    return max(1e-3, float(np.median(np.diff(part.times_s)))) if len(part.times_s) > 1 else 0.04


def _command(
    part: ClipPart, limits: Limits, seek: Options, options: Options, also: tuple[str, Options] | None = None
) -> list[str]:
    count = part.last - part.first + 1
    # With copyts the file's own times come through; they are what the clip is checked by.
    footage = source(limits, copyts=None, **seek)
    clip = footage.output(
        "fd:",
        fd="{target}",
        map="0:V:0",
        map_metadata=-1,
        fflags="+bitexact",
        avoid_negative_ts="make_zero",
        format="mp4",
        moov_size=MOOV_BYTES[0] + MOOV_BYTES[1] * count,  # at the front, so that playing can begin at once
        **{"frames:v": count},
        **options,
    )
    outputs = [clip] if also is None else [clip, footage.output(also[0], **also[1])]
    return confine_command(ffmpeg.merge_outputs(*outputs).compile(cmd=executable()), limits)


def _run(path: Path, command: Sequence[str], target: Path, limits: Limits) -> tuple[ClipFrames, str | None]:
    """What was written, and why ffmpeg did not end well if it did not."""
    lines: list[str] = []
    handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        with footage_descriptor(path) as footage, Child(command, footage, side=True, target=handle) as child:
            pipes = Pipes(child, footage, limits.stall_s)
            try:
                while (line := pipes.line()) is not None:
                    lines.append(line)
                status = pipes.finish()
            except StallError:
                status = None
            problem = describe_end(status, limits)
            said = "; ".join(pipes.complaints.lines()[:3])
    finally:
        os.close(handle)
    if status in (_DISK_FULL, _TOO_LARGE):
        why = (
            f"it would be larger than the {limits.written_mb} MB allowed"
            if status == _TOO_LARGE
            else f"{target.parent} has no space left"
        )
        raise FootageError(f"The clip of {path.name!r} cannot be written: {why}.")
    return _read(lines), None if problem is None else f"{problem}. {said}".strip()


def _read(lines: Sequence[str]) -> ClipFrames:
    """Lines about pictures, ``number ticks unit``, or framecrc's: ``#tb 0: unit``, then ``stream, dts, pts, ...``."""
    unit = next((line.removeprefix("#tb 0: ") for line in lines if line.startswith("#tb 0: ")), None)
    if unit is not None:
        ticks = [int(line.split(",")[2]) for line in lines if not line.startswith("#")]
        return ClipFrames((), np.array(ticks, np.float64) * float(Fraction(unit)))
    rows = [line.split(" ") for line in lines]
    times = [float(int(ticks) * Fraction(tb)) for _, ticks, tb in rows]
    return ClipFrames(tuple(int(number) for number, _, _ in rows), np.array(times))
