"""What a container's header says, as the probing child read it, and how its pictures are turned upright."""

import json
import math
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from anyanomaly_core.footage.sandbox import Limits

PROBE_LIMITS = Limits(memory_mb=1024, cpu_s=30, stall_s=60.0)
UNKNOWN_CODEC = "unknown"  # of a video stream that PyAV has no decoder for; ffmpeg may have one


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pictures become displayed ones."""

    rotation: int = 0  # degrees clockwise: 0, 90, 180, 270
    filters: tuple[str, ...] = ()  # ffmpeg filters that do it

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.rotation in {90, 270}


def orientation(matrix: bytes | None) -> Orientation:
    """Read a display matrix (9 int32 in native byte order, ISO/IEC 14496-12 8.3.2) as ffmpeg's autorotate does.

    Angles that are no multiple of 90 degrees are rounded to the nearest one; mirroring is kept.
    """
    if matrix is None or len(matrix) != 36:  # noqa: PLR2004
        return Orientation()
    a, b, _, c, d, _, _, _, _ = struct.unpack("=9i", matrix)
    length = math.hypot(a, c), math.hypot(b, d)
    if 0.0 in length or a * d - b * c == 0:
        return Orientation()
    angle = round(math.degrees(math.atan2(b / length[1], a / length[0])) / 90) % 4 * 90
    mirrored = a * d - b * c < 0
    if angle == 0:
        return Orientation(0, ("vflip",) if mirrored else ())
    if angle == 180:  # noqa: PLR2004
        return Orientation(180, ("hflip",) if mirrored else ("hflip", "vflip"))
    if angle == 90:  # noqa: PLR2004
        return Orientation(90, (f"transpose={'cclock_flip' if mirrored else 'clock'}",))
    return Orientation(270, (f"transpose={'clock_flip' if mirrored else 'cclock'}",))


@dataclass(frozen=True, slots=True)
class Header:
    """A container's header; nothing in it is believed further than needed."""

    error: str | None  # why the container could not be opened at all
    format: str | None
    codec: str | None  # None: no video stream; see UNKNOWN_CODEC
    width: int  # as stored
    height: int
    orientation: Orientation
    fps: Fraction  # 0 when unknown
    duration_s: float | None
    created_at: datetime | None
    other_streams: tuple[str, ...]
    encrypted: bool
    stated_frames: int  # 0: not stated
    pixel_format: str | None = None
    duration_is_video: bool = False  # else it is that of the longest stream, or where the file ends on its own clock
    has_clock: bool = True  # False: a bare stream, in which no picture has a time
    coded_fps: Fraction = Fraction(0)  # as the pictures themselves state it; 0: they do not
    begin_s: float | None = None  # earliest time stated before the first picture that decodes, on the file's own clock
    undecodable: int = 0  # packets before the first that can be decoded by itself

    @property
    def displayed_size(self) -> tuple[int, int]:
        """Width and height after rotation."""
        return (self.height, self.width) if self.orientation.swaps_sides else (self.width, self.height)


def parse_header(text: str) -> Header:
    """Header from the probing child's JSON."""
    found = json.loads(text)
    matrix = found.get("matrix")
    duration = found.get("video_duration_s", found.get("duration_s"))
    return Header(
        error=found.get("error"),
        format=found.get("format"),
        codec=found.get("codec"),
        width=found.get("frame_width") or found.get("width") or 0,
        height=found.get("frame_height") or found.get("height") or 0,
        orientation=orientation(bytes.fromhex(matrix) if matrix else None),
        fps=_rate(found.get("fps")),
        duration_s=duration if duration is not None and math.isfinite(duration) and duration >= 0 else None,
        created_at=creation_time(found.get("created")),
        other_streams=tuple(found.get("other_streams", ())),
        encrypted=bool(found.get("encrypted")),
        stated_frames=found.get("stated_frames") or 0,
        pixel_format=found.get("pixel_format"),
        duration_is_video="video_duration_s" in found,
        has_clock=found.get("has_clock", True),
        coded_fps=_rate(found.get("coded_fps")),
        begin_s=found.get("begin_s"),
        undecodable=found.get("undecodable", 0),
    )


def _rate(fraction: list[int] | None) -> Fraction:
    return max(Fraction(*fraction), Fraction(0)) if fraction and fraction[1] else Fraction(0)


_HEAD_BYTES = 512
_FIRST_YEAR = 1990  # before it there is only the zero of the containers' clocks, 1904 and 1970


def creation_time(text: str | None) -> datetime | None:
    """Aware time of a ``creation_time`` tag; None when it is absent, malformed or the zero of the container's clock."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.year < _FIRST_YEAR:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def looks_like_text(path: str | Path) -> str | None:
    """The first characters of a file that is text (a playlist, a log), else None."""
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < _HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return None
    plain = all(c.isprintable() or c.isspace() for c in text)
    return text[:40] if text and plain and len(text.encode()) > len(head) - 4 else None  # 4: a character cut in two
