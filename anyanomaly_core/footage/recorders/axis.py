"""The XML that Axis cameras write beside their recordings: when a block began, in UTC, and by which sensor."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePosixPath

# Small files of one form; with a parser of XML, they could also hold entities that grow without end.
_START = re.compile(rb"<StartTime>\s*([^<\s]{10,40})\s*</StartTime>")
_SOURCE = re.compile(rb"<SourceToken>\s*([^<\s]{1,20})\s*</SourceToken>")

ReadSmall = Callable[[str], bytes | None]  # of a path below the archive root; None: there is no such file


@dataclass(frozen=True, slots=True)
class Block:
    """What stands beside a recording."""

    began: datetime | None = None  # in UTC
    source: str | None = None  # number of the sensor; None: the only one, or the first


def read_block(uri: str, read: ReadSmall) -> Block:
    """What the XML beside a recording says; nothing where there is none."""
    path = PurePosixPath(uri)
    beside = read(str(path.with_suffix(".xml")))
    numbered = path.stem.isdigit()  # older cameras: 0.mkv, 1.mkv beside recording.xml
    folder = path.parent if numbered else path.parent.parent
    whole = read(str(folder / "recording.xml")) or b""
    if beside is None and numbered and int(path.stem) == 0:
        beside = whole  # the recording began with its first block
    source = _SOURCE.search(whole)
    token = None if source is None else source[1].decode(errors="replace")
    return Block(_start(beside or b""), None if token in {None, "1"} else token)


@lru_cache(maxsize=256)
def _start(content: bytes) -> datetime | None:
    match = _START.search(content)
    if match is None:
        return None
    try:
        began = datetime.fromisoformat(match[1].decode())
    except ValueError:
        return None
    return began.astimezone(UTC) if began.tzinfo is not None else None
