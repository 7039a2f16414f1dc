"""ZIP files in which every byte is determined by the names and contents: nothing compressed, no times, no extras.

The writer and the check use the same few functions, so that a byte changed anywhere in a file is noticed, in the
contents as in the headers. (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; no ZIP64, so below 4 GiB.)
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.errors import StorageError

_CHUNK = 1 << 20
_MOST = 0xFFFFFFFF
_MOST_ENTRIES = 0xFFFF
_NEEDED, _MADE_BY = 20, 0x0314  # version 2.0; made on Unix
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
    fields = (_NEEDED, _UTF8, _STORED, _TIME, _DATE, entry.crc, entry.size, entry.size, len(name), 0)
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", *fields) + name


def directory(entries: Sequence[Entry]) -> bytes:
    """What stands behind the last content."""
    offset, listed = 0, []
    for entry in entries:
        name = entry.name.encode()
        fields = (_MADE_BY, _NEEDED, _UTF8, _STORED, _TIME, _DATE, entry.crc, entry.size, entry.size)
        more = (len(name), 0, 0, 0, 0, _MODE, offset)
        listed.append(struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *fields, *more) + name)
        offset += len(local_header(entry)) + entry.size
    body = b"".join(listed)
    count = len(entries)
    return body + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(body), offset, 0)


def write(target: Path, files: Sequence[tuple[str, Path | bytes]]) -> None:
    """Write a ZIP of the files in the order given.

    Raises:
        StorageError: more than the format holds: 4 GiB or 65,535 files.
    """
    entries = [Entry(name, *_measure(content)) for name, content in files]
    if len(entries) > _MOST_ENTRIES or sum(len(local_header(e)) + e.size for e in entries) > _MOST - (64 << 20):
        raise StorageError("This is more than one bundle holds (4 GiB, 65,535 files); export fewer events at once.")
    with target.open("wb") as out:
        for entry, (_, content) in zip(entries, files, strict=True):
            out.write(local_header(entry))
            for chunk in _chunks(content):
                out.write(chunk)
        out.write(directory(entries))


def has_no_other_bytes(path: Path, entries: Sequence[Entry]) -> bool:
    """Whether a ZIP is, apart from contents, byte for byte what :func:`write` makes of these entries."""
    end = directory(entries)
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
