"""ZIP files in which every byte is determined by the names and contents: nothing compressed, no times, no extras.

The writer and the check use the same few functions, so that a byte changed anywhere in a file is noticed, in the
contents as in the headers. (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.) ZIP64 fields are
there exactly where a size or an offset does not fit into 32 bits. Contents are streamed; none has to fit into memory.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.errors import StorageError

_CHUNK = 1 << 20
_BORDER = 0xFFFFFFFF  # sizes and offsets from here on stand in ZIP64 fields
_ELSEWHERE = 0xFFFFFFFF  # what stands in their place then
_MOST_ENTRIES = 0xFFFF - 1
_NEEDED, _NEEDED_64, _UNIX = 20, 45, 0x0300  # versions 2.0 and 4.5 of the format; made on Unix
_ZIP64 = 1  # kind of extra field
_UTF8, _STORED = 0x0800, 0
_TIME, _DATE = 0, 0x21  # midnight of 1 January 1980, the zero of the format
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A file inside."""

    name: str
    size: int
    crc: int


def local_header(entry: Entry) -> bytes:
    """What stands before a file's content."""
    name = entry.name.encode()
    large = entry.size >= _BORDER
    extra = _extra(entry.size, entry.size) if large else b""
    size = _ELSEWHERE if large else entry.size
    needed = _NEEDED_64 if large else _NEEDED
    fields = (needed, _UTF8, _STORED, _TIME, _DATE, entry.crc, size, size, len(name), len(extra))
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", *fields) + name + extra


def central_directory(entries: Sequence[Entry]) -> bytes:
    """What stands behind the last content."""
    offset, listed = 0, []
    for entry in entries:
        listed.append(_directory_entry(entry, offset))
        offset += len(local_header(entry)) + entry.size
    body = b"".join(listed)
    return body + _end(len(entries), len(body), offset)


def _directory_entry(entry: Entry, offset: int) -> bytes:
    name = entry.name.encode()
    sizes = (entry.size, entry.size) if entry.size >= _BORDER else ()
    extra = _extra(*sizes, *((offset,) if offset >= _BORDER else ()))
    needed = _NEEDED_64 if extra else _NEEDED
    size, at = (_ELSEWHERE if number >= _BORDER else number for number in (entry.size, offset))
    fields = (_UNIX | needed, needed, _UTF8, _STORED, _TIME, _DATE, entry.crc, size, size)
    more = (len(name), len(extra), 0, 0, 0, _MODE, at)
    return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *fields, *more) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    """The end of the directory, which is ``size`` bytes long and begins at ``offset``."""
    large, at = b"", offset
    if offset >= _BORDER:
        at = _ELSEWHERE
        fields = (44, _UNIX | _NEEDED_64, _NEEDED_64, 0, 0, count, count, size, offset)
        large = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", *fields)
        large += struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    return large + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, at, 0)


def _extra(*numbers: int) -> bytes:
    """Numbers that do not fit where they belong."""
    return struct.pack(f"<2H{len(numbers)}Q", _ZIP64, 8 * len(numbers), *numbers) if numbers else b""


def write(target: Path, files: Sequence[tuple[str, Path | bytes]]) -> None:
    """Write a ZIP of the files in the order given.

    Raises:
        StorageError: more than 65,535 files.
    """
    entries = [Entry(name, *_measure(content)) for name, content in files]
    if len(entries) > _MOST_ENTRIES:
        raise StorageError("This is more than one bundle holds (65,535 files); export fewer events at once.")
    with target.open("wb") as out:
        for entry, (_, content) in zip(entries, files, strict=True):
            out.write(local_header(entry))
            for chunk in _chunks(content):
                out.write(chunk)
        out.write(central_directory(entries))


def has_no_other_bytes(path: Path, entries: Sequence[Entry]) -> bool:
    """Whether a ZIP is, apart from contents, byte for byte what :func:`write` makes of these entries."""
    end = central_directory(entries)
    if path.stat().st_size != sum(len(local_header(e)) + e.size for e in entries) + len(end):
        return False
    with path.open("rb") as file:
        for entry in entries:
            header = local_header(entry)
            if file.read(len(header)) != header:
                return False
            file.seek(entry.size, 1)
        return file.read() == end


def _measure(content: Path | bytes) -> tuple[int, int]:
    size = crc = 0
    for chunk in _chunks(content):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
    return size, crc


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
