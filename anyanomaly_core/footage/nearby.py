"""Single frames out of a long file without decoding it from its start, checked against the times in the index."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage.command import executable, source
from anyanomaly_core.footage.decode import picture_filters, read_frames
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import read_header, why_unreadable
from anyanomaly_core.footage.sandbox import Child, Limits, confine_command, footage_descriptor

BEFORE_S = 2.0  # decoding begins so long before a frame: predictions across a key frame have settled by then
TOLERANCE_S = 2e-3  # the index keeps evenly spaced frames to a millisecond
_WORTH_S = 4.0  # nearer to the start than this, nothing is gained
_MOST_SPAN_S = 60.0  # frames further apart are read from the start


def read_nearby(
    path: Path,
    times_s: NDArray[np.float64],
    numbers: Sequence[int],
    *,
    size: tuple[int, int] | None = None,
    mask: Mask | None = None,
    as_stated: bool = True,
    limits: Limits,
) -> dict[int, NDArray[np.uint8]]:
    """As ``decode.read_frames``: the same pixels, sooner where the frames lie far from the start.

    Args:
        path: a local file.
        times_s: [F] of every frame of the file, as in FrameIndex.
        numbers: of the frames.
        size: width, height; None: as displayed.
        mask: drawn black.
        as_stated: as in FrameIndex; False: no frame is sought by its time, since another may state the same.
        limits: what the decoding child may use.

    Raises:
        FootageError: the file cannot be opened, or lacks one of the frames.
        UnreadableFootageError: nothing can be decoded.
    """
    wanted = sorted(set(numbers))
    if not wanted or wanted[0] < 0 or wanted[-1] >= len(times_s):
        raise FootageError(f"{path.name!r} has {len(times_s)} frames, not number {wanted[-1] if wanted else 'none'}.")
    moments = times_s[wanted]
    if as_stated and moments[0] > _WORTH_S and moments[-1] - moments[0] < _MOST_SPAN_S:
        found = _seek_frames(path, wanted, moments - times_s[0], size=size, mask=mask, limits=limits)
        if found is not None:
            return found
    found = read_frames(path, wanted, size=size, mask=mask, limits=limits)
    if missing := [number for number in wanted if number not in found]:
        raise FootageError(f"Frame {missing[0]} of {path.name!r} could not be decoded.")
    return found


def first_moment(path: Path, limits: Limits) -> float:
    """Time of the first decoded frame in the file's own clock, seconds; raises UnreadableFootageError."""
    state = path.stat()
    return _first_moment(str(path), state.st_ino, state.st_size, state.st_mtime_ns, limits)


@lru_cache(maxsize=1024)
def _first_moment(name: str, _inode: int, _size: int, _modified: int, limits: Limits) -> float:
    path = Path(name)  # the key is text: a leased path as a key would keep its file in the cache for ever
    output = source(limits, copyts=None).output(
        "pipe:1",
        map="0:V:0",
        vf="scale=16:16",
        format="rawvideo",
        fps_mode="passthrough",
        stats_enc_pre="pipe:{side}",
        stats_enc_pre_fmt="{pts} {tb}",
        enc_time_base="demux",
        **{"frames:v": 1},
    )
    with (
        footage_descriptor(path) as footage,
        Child(confine_command(output.compile(cmd=executable()), limits), footage, side=True) as child,
    ):
        pipes = Pipes(child, footage, limits.stall_s)
        try:
            line = pipes.line()
            pipes.finish()
        except StallError:
            line = None
    if line is None:
        raise UnreadableFootageError(f"No frame of {path.name!r} could be decoded.")
    ticks, unit = line.split(" ")
    return float(int(ticks) * Fraction(unit))


def _seek_frames(
    path: Path,
    wanted: list[int],
    moments: NDArray[np.float64],
    *,
    size: tuple[int, int] | None,
    mask: Mask | None,
    limits: Limits,
) -> dict[int, NDArray[np.uint8]] | None:
    """The frames, decoding from two seconds before the first; None when not exactly these come out."""
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    width, height = size or header.displayed_size
    in_file = moments + first_moment(path, limits)
    terms = "+".join(f"between(t,{t - TOLERANCE_S:.6f},{t + TOLERANCE_S:.6f})" for t in in_file)
    seek: dict[str, str | float | None] = {
        "ss": f"{in_file[0] - BEFORE_S:.6f}",
        "seek_timestamp": 1,
        "noaccurate_seek": None,
    }
    output = source(limits, copyts=None, **seek).output(
        "pipe:1",
        map="0:V:0",
        vf=",".join([*picture_filters(terms, width, height, header, mask), "format=rgb24"]),
        format="rawvideo",
        fps_mode="passthrough",
        stats_enc_pre="pipe:{side}",
        stats_enc_pre_fmt="{pts} {tb}",
        enc_time_base="demux",
        **{"frames:v": len(wanted)},
    )
    images: list[NDArray[np.uint8]] = []
    seen: list[float] = []
    with (
        footage_descriptor(path) as footage,
        Child(confine_command(output.compile(cmd=executable()), limits), footage, side=True) as child,
    ):
        pipes = Pipes(child, footage, limits.stall_s)
        try:
            while len(images) < len(wanted):
                image = np.empty((height, width, 3), np.uint8)
                if pipes.read_into(image.data.cast("B")) < image.size or (line := pipes.line()) is None:
                    return None
                ticks, unit = line.split(" ")
                images.append(image)
                seen.append(float(int(ticks) * Fraction(unit)))
            pipes.finish()
        except StallError:
            return None
    if np.abs(np.array(seen) - in_file).max() > TOLERANCE_S:
        return None
    return dict(zip(wanted, images, strict=True))
