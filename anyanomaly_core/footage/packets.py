"""The original packets of a part of a file, from key frame to key frame, byte for byte as they were recorded.

Nothing is decoded or encoded, so everything that a camera wrote beside its pictures stays: SEI messages, and with them
the signatures of ONVIF Media Signing, which cover the coded pictures of a group from one key frame to the next. What
was written is read again, and every packet must have the bytes of the source's. A container that changes packets is
given up for another.
"""

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import allowed
from anyanomaly_core.footage.nearby import TOLERANCE_S, first_moment
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import read_header
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor

_CHILD = str(Path(__file__).resolve().parent / "packets_child.py")
_ANY_CONTAINER = "matroska"  # where the source's own cannot be written


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of the video stream."""

    time_s: float  # when it is shown, on the file's own clock; nan: a bare stream states no times
    is_key_frame: bool
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class CopiedPackets:
    """What was copied, and how."""

    container: str  # as ffmpeg names it
    packets: tuple[Packet, ...]  # in the order of the file
    begin_s: float | None  # of the first packet shown, since the file's beginning; None: it states no times
    end_s: float | None  # of the last one

    @property
    def suffix(self) -> str:
        """Suffix for the name of the file, without a dot."""
        return _suffix(self.container)


def copy_packets(
    path: Path, times_s: NDArray[np.float64], first: int, last: int, target: Path, *, limits: Limits
) -> CopiedPackets:
    """Write the packets that frames ``first..last`` need to ``target``, in the container of the source if possible.

    They begin with the last key frame at or before the first frame. They end with the second key frame after the last
    frame, since a camera signs a group of pictures in the group that follows. Sound and other streams are left out.

    Args:
        path: a local file.
        times_s: [F] of every frame of the file, as in FrameIndex.
        first: number of the first frame.
        last: number of the last frame.
        target: written in place.
        limits: what a child may use; ``written_mb`` bounds the file.

    Raises:
        FootageError: the file cannot be read, its packets have no reliable times, or no container keeps them as they
            are. The message says which.
    """
    origin = first_moment(path, limits) - float(times_s[0])
    since, until = (origin + float(times_s[number]) for number in (first, last))
    problems: list[str] = []
    header = read_header(path)
    for container in _containers(header.format or "", header.codec or ""):
        plan = {"container": container, "since_s": since, "until_s": until, "first": first, "last": last}
        try:
            copied = _run(path, plan, limits, target)
            _require_frames(copied, origin + times_s[first : last + 1])
            kept = _run(target, {}, limits, None)
        except FootageError as error:
            problems.append(str(error))
            continue
        if [packet.sha256 for packet in kept] == [packet.sha256 for packet in copied]:
            times = [packet.time_s - origin for packet in copied if not math.isnan(packet.time_s)]
            return CopiedPackets(container, tuple(copied), min(times, default=None), max(times, default=None))
        problems.append(f"the container {container} changes them")
    why = "; ".join(dict.fromkeys(problems))
    raise FootageError(f"The original packets of {path.name!r} cannot be copied: {why}.")


def _containers(source: str, codec: str) -> list[str]:
    """Containers to try: the source's own, one that holds nearly everything, and the bare stream without times."""
    names = source.split(",")
    own = sorted((name for name in names if _suffix(name)), key=lambda name: (name != "mp4", names.index(name)))
    bare = [codec] if _suffix(codec) else []
    return list(dict.fromkeys([*own[:1], _ANY_CONTAINER, *bare]))


def _suffix(container: str) -> str:
    try:
        extensions = av.ContainerFormat(container, "w").extensions
    except ValueError:
        return ""
    return container if container in extensions else min(extensions, key=lambda name: (len(name), name), default="")


def _require_frames(packets: Sequence[Packet], expected_s: NDArray[np.float64]) -> None:
    """Each frame's time must be a packet's; otherwise nobody can say which packets the frames need."""
    found = np.sort([packet.time_s for packet in packets])  # [P]
    if np.isnan(found).all():
        return  # a bare stream: packets were counted
    padded = np.concatenate([[-np.inf], found, [np.inf]])
    after = np.searchsorted(padded, expected_s)
    if np.minimum(expected_s - padded[after - 1], padded[after] - expected_s).max() > TOLERANCE_S:
        raise FootageError("the times of its packets are not those of its frames")


def _run(path: Path, plan: dict[str, object], limits: Limits, target: Path | None) -> list[Packet]:
    """Packets of ``path``, copied to ``target`` if there is one."""
    whole = {"limits": limits.resources(), "options": _options(), **plan}
    handle = -1 if target is None else os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    numbers = ["{source}", "{side}", "-1" if target is None else "{target}"]
    command = [sys.executable, "-I", _CHILD, json.dumps(whole), *numbers]
    packets: list[Packet] = []
    try:
        with (
            footage_descriptor(path) as source,
            Child(command, source, side=True, target=handle if target else None) as child,
        ):
            pipes = Pipes(child, source, limits.stall_s)
            try:
                while (line := pipes.line()) is not None:
                    packets.append(_packet(line))
                status = pipes.finish()
            except StallError:
                status = None
            problem = describe_end(status, limits)
            complaints = "; ".join(pipes.complaints.lines()[:3])
    finally:
        if handle >= 0:
            os.close(handle)
    if problem is not None:
        raise FootageError(complaints or problem)
    return packets


def _options() -> dict[str, str]:
    return {
        "protocol_whitelist": ",".join(allowed.PROTOCOLS),
        "format_whitelist": ",".join(allowed.FORMATS),
        "codec_whitelist": ",".join(allowed.DECODERS),
    }


def _packet(line: str) -> Packet:
    time_s, key, size, digest = line.split(" ")
    return Packet(float(time_s), key == "1", int(size), digest)
