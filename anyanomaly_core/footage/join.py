"""Joining clips of consecutive files to one MP4 in which every picture keeps the time at which it was recorded.

The clips are decoded and encoded again by a confined child, one after the other: files of one recorder may differ in
codec, rate and size, and players take one set of parameters a file. Between two files the last picture stands still.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import allowed
from anyanomaly_core.footage.cut import MOOV_BYTES, QUALITY
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import read_header
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor

_CHILD = str(Path(__file__).resolve().parent / "join_child.py")


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """A clip as ``cut`` writes it, and its place."""

    clip: Path
    at_s: float  # of its first frame, since the joined clip's
    frames: int


def join(parts: Sequence[JoinedPart], target: Path, *, limits: Limits) -> None:
    """Write the parts to ``target``, in the size of the first.

    Args:
        parts: in order; none begins before the one before has ended. They are removed.
        target: written in place.
        limits: what the child may use; ``written_mb`` bounds the clip.

    Raises:
        FootageError: the clip cannot be written, or lacks a frame.
    """
    header = read_header(parts[0].clip)
    whole, places = parts[0].clip.with_name("parts"), []
    with whole.open("xb") as out:
        for part in parts:
            places.append([out.tell(), part.clip.stat().st_size, part.at_s])
            with part.clip.open("rb") as clip:
                shutil.copyfileobj(clip, out)
            part.clip.unlink()
    frames = sum(part.frames for part in parts)
    plan = {
        "clips": places,
        "size": header.displayed_size,
        "quality": QUALITY,
        "moov_bytes": MOOV_BYTES[0] + MOOV_BYTES[1] * frames,
        "threads": limits.threads,
        "limits": limits.resources(),
        "options": {"format_whitelist": "mov", "codec_whitelist": ",".join(allowed.DECODERS)},
    }
    command = [sys.executable, "-I", _CHILD, json.dumps(plan), "{source}", "{side}", "{target}"]
    written, problem = _run(command, whole, target, limits)
    if problem is not None or written != frames:
        raise FootageError(
            f"The clip over {len(parts)} files cannot be joined: {problem or f'{written} of {frames} frames'}."
        )


def _run(command: Sequence[str], whole: Path, target: Path, limits: Limits) -> tuple[int, str | None]:
    """How many pictures were written, and why the child did not end well if it did not."""
    handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    written = 0
    try:
        with footage_descriptor(whole) as source, Child(command, source, side=True, target=handle) as child:
            pipes = Pipes(child, source, limits.stall_s)
            try:
                while pipes.line() is not None:
                    written += 1
                status = pipes.finish()
            except StallError:
                status = None
            problem = describe_end(status, limits)
            complaints = "; ".join(pipes.complaints.lines()[:3])
    finally:
        os.close(handle)
    return written, None if problem is None else complaints or problem
