"""The start time that ONVIF exports state: the box ``cstb`` of an MP4 file (ONVIF Export File Format, "Timing").

ffmpeg does not read it, and ``creation_time`` of such files is that of the export. Run by the probing child, confined;
it imports nothing of this package.
"""

import os
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_SINCE = datetime(1601, 1, 1, tzinfo=UTC)  # in steps of 100 nanoseconds
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_HOLDERS = {b"moov", b"trak", b"udta", b"meta", b"ipro", b"sinf", b"schi"}  # of boxes, on the way to it
_FILE_BEGINS = _HOLDERS | {b"ftyp", b"styp", b"free", b"skip", b"wide", b"mdat", b"uuid"}
_DEEPEST = 6
_MOST_BOXES = 20_000  # a fragmented file of a day has as many
_MOST_TRACKS = 64

Place = tuple[bytes, int, int]  # type of a box, and from where to where its contents lie in the file


def read_onvif_start(descriptor: int, track: int | None) -> str | None:
    """When the recording began, as ISO 8601; None: the file is no MP4, or its export states nothing.

    Args:
        descriptor: of the file, open for reading; its position stays.
        track: number of the video track, in the file.
    """
    size = os.fstat(descriptor).st_size
    if os.pread(descriptor, 8, 0)[4:] not in _FILE_BEGINS:
        return None
    starts: dict[int, datetime] = {}
    for number, (kind, begin, end) in enumerate(_boxes(descriptor, 0, size, 0)):
        if number >= _MOST_BOXES:
            break
        if kind == b"cstb":  # a later one corrects those before
            starts |= _entries(os.pread(descriptor, min(end - begin, 12 * _MOST_TRACKS + 8), begin))
    start = starts.get(track or 0) or next(iter(starts.values()), None)
    return None if start is None else start.isoformat()


def _boxes(descriptor: int, begin: int, end: int, depth: int) -> Iterator[Place]:
    """The boxes between two places of the file, and those inside them."""
    while begin + 8 <= end:
        head = os.pread(descriptor, 16, begin)
        if len(head) < 8:  # noqa: PLR2004
            return
        length, kind = struct.unpack(">I4s", head[:8])
        contents = begin + 8
        if length == 1 and len(head) == 16:  # noqa: PLR2004  (the length follows in 64 bits)
            length, contents = struct.unpack(">Q", head[8:])[0], begin + 16
        after = end if length == 0 else begin + length
        if after < contents or after > end:
            return
        yield kind, contents, after
        if kind in _HOLDERS and depth < _DEEPEST:
            yield from _boxes(descriptor, contents + _preamble(descriptor, kind, contents), after, depth + 1)
        begin = after


def _preamble(descriptor: int, kind: bytes, contents: int) -> int:
    """Bytes before the first box inside a box: version and flags of some, and a count."""
    if kind == b"ipro":
        return 6
    # QuickTime's `meta` has no version and flags: its first box, `hdlr`, comes at once.
    return 4 if kind == b"meta" and os.pread(descriptor, 4, contents + 4) != b"hdlr" else 0


def _entries(contents: bytes) -> dict[int, datetime]:
    """Start by track."""
    found = {}
    for skipped in (0, 4):  # some writers put version and flags before it
        if len(contents) < skipped + 4:
            break
        count = struct.unpack_from(">I", contents, skipped)[0]
        if 0 < count <= _MOST_TRACKS and len(contents) == skipped + 4 + 12 * count:
            for place in range(count):
                track, ticks = struct.unpack_from(">IQ", contents, skipped + 4 + 12 * place)
                if ticks < 1 << 62 and _FIRST <= (start := _SINCE + timedelta(microseconds=ticks // 10)) < _LAST:
                    found[track] = start
            break
    return found
