"""Reads a container's header with PyAV, in a confined child: ``python -I probe_child.py PLAN DESCRIPTOR``.

Prints one JSON object. Run as a script by :mod:`anyanomaly_core.footage.probe`; it imports nothing of this package.
PyAV names much of what a file holds by lists that end before ffmpeg's do: what it has no name for costs that one item,
never the file.
"""

import json
import runpy
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, cast

import av
from av.container import InputContainer
from av.sidedata.sidedata import Type

_HERE = Path(__file__).resolve().parent
_FIRST_PACKETS = 1500  # how far to look for a first picture
_FLAWS = (av.FFmpegError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)

Item = TypeVar("Item")


def _nameless(kind: type[Type], number: object) -> Type:
    """A member for a type of side data that PyAV does not know; without it no side data of the frame can be read."""
    member: Any = object.__new__(kind)
    member._name_, member._value_ = f"NUMBER_{number}", number
    return cast("Type", member)


Type._missing_ = classmethod(_nameless)  # type: ignore[assignment, method-assign]


def _item(read: Callable[[], Item]) -> Item | None:
    """What ``read`` returns; None where PyAV cannot tell it."""
    try:
        return read()
    except _FLAWS:
        return None


def _picture(frame: av.VideoFrame) -> dict[str, Any]:
    def matrix() -> str | None:
        side_data: Any = frame.side_data  # PyAV's annotation says a mapping of names; it yields the data
        return next((bytes(data).hex() for data in side_data if data.type is Type.DISPLAYMATRIX), None)

    return {"frame_width": frame.width, "frame_height": frame.height, "matrix": _item(matrix)}


def _first_frame(container: InputContainer, stream: av.VideoStream) -> dict[str, Any]:
    """The first picture that decodes, if one of the first packets has it, and what the packets until then state."""
    found: dict[str, Any] = {"encrypted": False, "undecodable": 0}
    times, whole = [], False
    packets = container.demux(stream)
    for _ in range(_FIRST_PACKETS):
        packet = _item(lambda: next(packets, None))
        if packet is None:
            break
        found["encrypted"] |= packet.has_sidedata("encryption_info")
        if packet.size and not packet.is_discard:  # else an edit list hides it
            whole = whole or packet.is_keyframe
            found["undecodable"] += not whole
            times += [] if packet.pts is None else [float(packet.pts * packet.time_base)]
        if frames := _item(packet.decode):
            return found | _picture(frames[0]) | {"begin_s": min(times, default=None)}
    return found


def _is_bare(container: InputContainer) -> bool:
    """Whether the format has no times: pictures one behind the other."""
    no_times: Any = av.format.Flags.no_timestamps.value
    return bool(container.format.flags & no_times) or container.format.name.endswith("_pipe")


def _fraction(rate: Fraction | None) -> list[int]:
    return [rate.numerator, rate.denominator] if rate else [0, 1]


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """As ffmpeg's ``0:V:0``: the first video stream that is not a cover picture."""
    attached = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & attached), None)


def _describe(container: InputContainer, read_start: Callable[[int], str | None]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "format": container.format.name,
        "created": container.metadata.get("creation_time"),
        "duration_s": container.duration / 1e6 if container.duration is not None else None,
        "has_clock": not _is_bare(container),
        "other_streams": sorted({str(stream.type) for stream in container.streams if stream.type != "video"}),
    }
    stream = video_stream(container)
    if stream is None:
        return found
    context: Any = stream.codec_context  # None where PyAV has no decoder; ffmpeg may have one
    if stream.duration is not None and stream.time_base is not None:
        found["video_duration_s"] = float(stream.duration * stream.time_base)
    found |= {
        "codec": "unknown" if context is None else context.name,
        "width": _item(lambda: context.width) or 0,
        "height": _item(lambda: context.height) or 0,
        "pixel_format": _item(lambda: context.pix_fmt),
        "fps": _fraction(_item(lambda: stream.average_rate or stream.guessed_rate)),
        "stated_frames": stream.frames,
        "created": _item(lambda: read_start(stream.id))
        or found["created"]
        or (_item(lambda: stream.metadata) or {}).get("creation_time"),
    }
    if context is not None:
        found |= _first_frame(container, stream)
        found["coded_fps"] = _fraction(_item(lambda: context.framerate))  # known once a picture was decoded
    return found


def _ends(container: InputContainer) -> dict[str, Any]:
    """Where the last packets end, on the file's own clock: of the video stream, and of any stream."""
    video, found = video_stream(container), {"video_end_s": 0.0, "end_s": 0.0}
    for packet in container.demux():
        if packet.pts is not None and packet.size:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for name in ("end_s", "video_end_s") if packet.stream is video else ("end_s",):
                found[name] = max(found[name], end)
    return found


def main() -> None:
    """Confine this process, look at the file, print what was found or why not."""
    plan, descriptor = json.loads(sys.argv[1]), int(sys.argv[2])
    av.logging.set_level(None)
    confine = runpy.run_path(str(_HERE / "confine.py"))["confine"]
    read_start = runpy.run_path(str(_HERE / "onvif_start.py"))["read_onvif_start"]
    confine(plan["limits"], [str(Path(av.__file__).parent)])  # PyAV imports some of its parts late
    try:
        options = {"fd": str(descriptor), **plan["options"]}
        with av.open("fd:", options=options, metadata_errors="replace") as container:
            found = (
                _ends(container)
                if plan["ends"]
                else _describe(container, lambda stream: read_start(descriptor, stream))
            )
    except (*_FLAWS, MemoryError, OSError) as error:
        found = {"error": getattr(error, "strerror", None) or str(error)}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
