"""Streaming decode: selection, scaling and rotation inside ffmpeg, one picture in memory."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError, FrameIndexError, UnreadableFootageError
from anyanomaly_core.footage.command import decoding
from anyanomaly_core.footage.header import Header
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import read_header, why_unreadable
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor
from anyanomaly_core.footage.types import Frame

# Exact arithmetic, so that the same file gives the same pixels on every processor. Whatever changes them changes
# ``profile.PIXELS`` too: scores of other pixels must not pass for the same.
_EXACTLY = "accurate_rnd+full_chroma_int+bitexact"
_MOST_TERMS = 200  # of one selection expression


def decode(
    path: str | Path,
    *,
    step: int = 1,
    first_frame: int = 0,
    size: tuple[int, int] | None = None,
    mask: Mask | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> Generator[Frame, None, None]:
    """Yield frames ``first_frame``, ``first_frame + step``, ... to the end of the file, numbered as index_frames does.

    The file is decoded from its start whatever ``first_frame`` is: that alone makes numbers exact on damaged files.
    Memory does not depend on the length; a frame's image may be kept. Closing the iterator ends the decoder.

    Args:
        path: a local file.
        step: take every step-th frame.
        first_frame: number of the first frame wanted.
        size: (width, height) of the images; none: as displayed. A file whose picture size changes gives images
            of its first size throughout.
        mask: what is black in every image.
        limits: what the decoding child may use.

    Raises:
        FootageError: the file cannot be opened, or an argument is out of range.
        UnreadableFootageError: nothing can be decoded, or decoding stopped before its end (after the last good frame).
    """
    if step < 1 or first_frame < 0 or (size is not None and min(size) < 1):
        raise FootageError(f"Cannot decode every {step}th frame from frame {first_frame} on at size {size}.")
    terms = [f"gte(n,{first_frame})"] if first_frame else []
    terms += [f"not(mod(n-{first_frame},{step}))"] if step > 1 else []
    yield from _frames(path, "*".join(terms), size, mask, limits, most_frames=None)


def decode_ranges(
    path: str | Path,
    ranges: Sequence[range],
    *,
    size: tuple[int, int] | None = None,
    mask: Mask | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    stated_frames: int | None = None,
) -> Generator[Frame, None, None]:
    """Yield the frames of ``ranges``, which are in order and share none; otherwise as ``decode``.

    Args:
        path: as for ``decode``.
        ranges: numbers of frames.
        size: as for ``decode``.
        mask: as for ``decode``.
        limits: as for ``decode``.
        stated_frames: how many frames the packets of the file stated; none: they were decoded before.

    Raises:
        FrameIndexError: at the end; the frames are not those that the packets stated, or the decoder complained.
    """
    if not ranges:
        return
    # An expression of thousands of terms would be slower than the frames that are decoded in vain.
    terms = ranges if len(ranges) <= _MOST_TERMS else [range(ranges[0][0], ranges[-1][-1] + 1)]
    expression = "+".join(map(_term, terms))
    if stated_frames is not None:  # the last one is looked at, and whatever comes after it
        expression += f"+gte(n,{stated_frames - 1})"
    wanted = (number for part in ranges for number in part)
    due, number = next(wanted), -1
    for frame in _frames(path, expression, size, mask, limits, most_frames=None, strictly=stated_frames is not None):
        number = frame.number
        if number == due:
            yield frame
            due = next(wanted, -1)
    if stated_frames is not None and number != stated_frames - 1:
        gave = number + 1 if number >= stated_frames else "fewer"
        raise FrameIndexError(f"the packets of {Path(path).name!r} stated {stated_frames} frames, decoding gave {gave}")


def read_frames(
    path: str | Path,
    numbers: Sequence[int],
    *,
    size: tuple[int, int] | None = None,
    mask: Mask | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> dict[int, NDArray[np.uint8]]:
    """Images of single frames by number, each [H, W, 3] RGB; numbers past the end are absent. Raises as decode."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    if wanted[0] < 0:
        raise FootageError(f"There is no frame {wanted[0]}.")
    found: dict[int, NDArray[np.uint8]] = {}
    for start in range(0, len(wanted), _MOST_TERMS):
        some = wanted[start : start + _MOST_TERMS]
        expression = "+".join(f"eq(n,{number})" for number in some)
        frames = _frames(path, expression, size, mask, limits, most_frames=len(some))
        found |= {frame.number: frame.image for frame in frames}
    return found


def _frames(
    path: str | Path,
    expression: str,
    size: tuple[int, int] | None,
    mask: Mask | None,
    limits: Limits,
    *,
    most_frames: int | None,
    strictly: bool = False,
) -> Iterator[Frame]:
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    width, height = size or header.displayed_size
    if min(width, height) < 1:
        raise UnreadableFootageError(why_unreadable(path, header))
    filters = picture_filters(expression, width, height, header, mask)
    command = decoding(filters, "rgb24", limits, most_frames=most_frames)
    with footage_descriptor(path) as source, Child(command, source, side=True) as child:
        pipes = Pipes(child, source, limits.stall_s)
        try:
            yield from _read(pipes, height, width)
            status = pipes.finish()
        except StallError:
            status = None
        problem = describe_end(status, limits)
        if problem is not None:
            said = "; ".join(pipes.complaints.lines()[:3])
            raise UnreadableFootageError(f"Decoding {Path(path).name!r} ended early: {problem}. {said}".strip())
        if strictly and (complaints := pipes.complaints.lines()):
            raise FrameIndexError(f"decoding {Path(path).name!r} the decoder complained: {complaints[0]}")


def _term(wanted: range) -> str:
    """Ffmpeg's expression for these frame numbers."""
    if len(wanted) == 1:
        return f"eq(n,{wanted[0]})"
    within = f"between(n,{wanted[0]},{wanted[-1]})"
    return within if wanted.step == 1 else f"{within}*not(mod(n-{wanted[0]},{wanted.step}))"


def picture_filters(expression: str, width: int, height: int, header: Header, mask: Mask | None) -> list[str]:
    """Select first (skipped frames cost nothing more), then scale, then turn the small picture and mask it."""
    stored = (height, width) if header.orientation.swaps_sides else (width, height)
    select = [f"select='{expression}'"] if expression else []
    masking = [] if mask is None else ["format=rgb24", *mask.filters(width, height)]
    smaller = width * height < header.displayed_size[0] * header.displayed_size[1]
    kernel = "area" if smaller else "bicubic"  # of a large picture, bicubic takes twice as long and is hardly sharper
    scaling = f"scale={stored[0]}:{stored[1]}:flags={kernel}+{_EXACTLY}"
    return [*select, scaling, *header.orientation.filters, *masking]


def _read(pipes: Pipes, height: int, width: int) -> Iterator[Frame]:
    while True:
        image = np.empty((height, width, 3), np.uint8)
        if pipes.read_into(image.data.cast("B")) < image.size or (line := pipes.line()) is None:
            return
        yield Frame(int(line.split(" ", 1)[0]), image)
