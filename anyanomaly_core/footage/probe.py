"""Probing: codec, size, rotation, frame rate and creation time of a file, read in a confined child."""

import json
import sys
from functools import lru_cache
from pathlib import Path

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage import allowed
from anyanomaly_core.footage.header import PROBE_LIMITS, UNKNOWN_CODEC, Header, looks_like_text, parse_header
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor
from anyanomaly_core.footage.types import Probe

_CHILD = str(Path(__file__).resolve().parent / "probe_child.py")
_MOST_BYTES = 1 << 16


def probe(path: str | Path) -> Probe:
    """What the container of ``path`` says; no more than its first picture is decoded.

    Returns:
        A Probe; width and height as displayed, after rotation, and 0 where no picture tells them.

    Raises:
        FootageError: the file cannot be opened.
        UnreadableFootageError: it is no video; the message says what it is instead.
    """
    header = read_header(path)
    if header.codec is None:
        raise UnreadableFootageError(why_unreadable(path, header))
    width, height = header.displayed_size
    return Probe(
        codec=header.codec,
        width=width,
        height=height,
        rotation=header.orientation.rotation,
        fps=header.fps,
        duration_s=header.duration_s,
        created_at=header.created_at,
    )


def read_header(path: str | Path) -> Header:
    """Header of a file; one that could not be read has ``error`` set. Raises FootageError when it cannot be opened."""
    try:
        state = Path(path).stat()
    except (OSError, ValueError) as error:
        raise FootageError(f"{str(path)!r} cannot be opened: {error}.") from None
    return _read_header(str(path), state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=256)
def _read_header(path: str, _inode: int, _size: int, _modified: int) -> Header:
    """As read_header; the file's state is in the arguments so that a changed file is read anew."""
    text, problem = _ask(path, PROBE_LIMITS, ends=False)
    return parse_header(text if problem is None else json.dumps({"error": problem}))


def packet_ends(path: str | Path, limits: Limits) -> tuple[float, float] | None:
    """Where a file's last packets end, on its own clock, seconds: of the video stream, and of any stream.

    The whole file is read, nothing decoded. None: it cannot be read to its end.
    """
    text, problem = _ask(path, limits, ends=True)
    found = json.loads(text) if problem is None else {}
    return (float(found["video_end_s"]), float(found["end_s"])) if "end_s" in found else None


def _ask(path: str | Path, limits: Limits, *, ends: bool) -> tuple[str, str | None]:
    """The probing child's answer, and why there is none."""
    plan = {
        "limits": limits.resources(),
        "options": {
            "protocol_whitelist": ",".join(allowed.PROTOCOLS),
            "format_whitelist": ",".join(allowed.FORMATS),
            "codec_whitelist": ",".join(allowed.DECODERS),
            "max_pixels": str(allowed.MAX_PIXELS),
        },
        "ends": ends,
    }
    answer = bytearray(_MOST_BYTES)
    command = [sys.executable, "-I", _CHILD, json.dumps(plan), "{source}"]
    with footage_descriptor(path) as source, Child(command, source) as child:
        pipes = Pipes(child, source, limits.stall_s)
        try:
            length = pipes.read_into(memoryview(answer))
            status = pipes.finish()
        except StallError:
            length, status = 0, None
        return answer[:length].decode(), describe_end(status, limits)


def why_unreadable(path: str | Path, header: Header, complaints: tuple[str, ...] = ()) -> str:
    """A sentence that tells a person why no frame of ``path`` can be decoded.

    Args:
        path: the file.
        header: its header.
        complaints: what the decoder said.
    """
    said = f" The decoder said: {complaints[0]}" if complaints else ""
    reason = (
        _no_container(path, header) or _no_access(header) or f"has no decodable picture: {_no_frame(header)}.{said}"
    )
    return f"{Path(path).name!r} {reason}"


def _no_container(path: str | Path, header: Header) -> str | None:
    if Path(path).stat().st_size == 0:
        return "is empty."
    text = looks_like_text(path)
    if text is not None:
        return f"is text, not video (it begins with {text!r}); nothing it may point at was opened."
    if header.error is not None:
        return f"is damaged or in no video format this installation reads: {header.error}"
    if header.codec is None:
        return f"has no video stream ({header.format} with {' and '.join(header.other_streams) or 'no stream at all'})."
    return None


def _no_access(header: Header) -> str | None:
    if header.encrypted:
        return f"is encrypted ({header.codec}); without its key no frame can be decoded."
    if header.codec == UNKNOWN_CODEC:
        return f"has video in a codec that no decoder here knows ({header.format})."
    if header.codec not in allowed.DECODERS:
        return f"is {header.codec}, which is not among the decoders this installation allows (docs/footage.md)."
    return None


def _no_frame(header: Header) -> str:
    if header.stated_frames:
        return f"its header states {header.stated_frames} frames of {header.codec}, but none could be decoded"
    return f"its {header.codec} stream gave no frame"
