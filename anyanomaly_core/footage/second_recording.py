"""Recordings joined byte for byte: where a second one begins that ffmpeg does not read whole, in MP4 and FLV.

ffmpeg ends with the first recording and says nothing (``findings/joined-flv-and-mp4-end-early.sh``); of an MP4 in
fragments it leaves the first fragment out after each join. MPEG-TS and Matroska go on; their times are mended like
those of any clock that starts again.
"""

import os
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from anyanomaly_core.footage.sandbox import open_footage

_MOST = 1_000_000  # boxes or tags; a file of more is hostile, or a week long
_FLV_HEADER, _FLV_TAG, _FLV_TAGS = 13, 11, {8, 9, 18}  # bytes, with the first back pointer; audio, video, data


def find_second_recording(path: str | Path, container: str | None) -> int | None:
    """Where in the file the second recording begins, in bytes; None: there is none, or its container is another.

    Args:
        path: a local file.
        container: as ffmpeg calls it, such as ``mov,mp4,m4a,3gp,3g2,mj2``.

    Raises:
        FootageError: when the file cannot be opened.
    """
    names = (container or "").split(",")
    with os.fdopen(open_footage(path), "rb") as file:
        if "mp4" in names:
            return _second_mp4(_boxes(file))
        return _second_flv(file) if "flv" in names else None


def _second_mp4(boxes: Iterator[tuple[int, bytes]]) -> int | None:
    """A second ``ftyp`` with a ``moov`` of its own."""
    begin, movies = None, 0
    for position, kind in islice(boxes, _MOST):
        movies += kind == b"moov"
        if kind == b"ftyp" and position > 0 and begin is None:
            begin = position
    return begin if movies > 1 else None


def _boxes(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Place and kind of each box at the top (ISO/IEC 14496-12 4.2), as far as their sizes make sense."""
    end, position = os.fstat(file.fileno()).st_size, 0
    while position + 8 <= end:
        file.seek(position)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1 and len(head) == 16:  # noqa: PLR2004  (the true size follows)
            size = int.from_bytes(head[8:])
        yield position, kind
        if size < 8:  # noqa: PLR2004  (0: to the end of the file; less than a header: nonsense)
            return
        position += size


def _second_flv(file: BinaryIO) -> int | None:
    """A header where a tag should stand (FLV 10.1, annex E)."""
    position = _FLV_HEADER
    for _ in range(_MOST):
        file.seek(position)
        head = file.read(_FLV_TAG)
        if head[:3] == b"FLV":
            return position
        if len(head) < _FLV_TAG or head[0] & 0x1F not in _FLV_TAGS:
            return None
        position += _FLV_TAG + int.from_bytes(head[1:4]) + 4  # the back pointer
    return None
