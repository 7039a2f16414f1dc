"""Reads a container's header with PyAV, in a confined child: ``python -I probe_child.py PLAN DESCRIPTOR``.

Prints one JSON object. Run as a script by :mod:`anyanomaly_core.footage.probe`; it imports nothing of this package.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

_HERE = Path(__file__).resolve().parent
_FIRST_PACKETS = 250  # how far to look for a first picture


def _first_frame(container: InputContainer, stream: av.VideoStream) -> dict[str, Any]:
    """Size and display matrix of the first picture that decodes, if one of the first packets has it."""
    encrypted = False
    for count, packet in enumerate(container.demux(stream)):
        encrypted = encrypted or packet.has_sidedata("encryption_info")
        try:
            frames = packet.decode()
        except av.FFmpegError:
            frames = []
        for frame in frames:
            side_data: Any = frame.side_data  # PyAV's annotation says a mapping of names; it yields the data
            matrix = [bytes(data).hex() for data in side_data if data.type.name == "DISPLAYMATRIX"]
            return {"frame_width": frame.width, "frame_height": frame.height, "matrix": matrix[0] if matrix else None}
        if count >= _FIRST_PACKETS:
            break
    return {"encrypted": encrypted}


def _describe(descriptor: int, options: dict[str, str]) -> dict[str, Any]:
    with av.open("fd:", options={"fd": str(descriptor), **options}, metadata_errors="replace") as container:
        found: dict[str, Any] = {
            "format": container.format.name,
            "created": container.metadata.get("creation_time"),
            "duration_s": container.duration / 1e6 if container.duration is not None else None,
            "other_streams": sorted({stream.type for stream in container.streams if stream.type != "video"}),
        }
        # As ffmpeg's "0:V:0": the first video stream that is not a cover picture.
        attached = av.stream.Disposition.attached_pic
        streams = [stream for stream in container.streams.video if not stream.disposition & attached]
        if not streams:
            return found
        stream = streams[0]
        context = stream.codec_context
        rate = stream.average_rate or stream.guessed_rate
        if stream.duration is not None and stream.time_base is not None:
            found["video_duration_s"] = float(stream.duration * stream.time_base)
        found |= {
            "codec": context.name if context is not None else None,
            "tag": stream.codec_context.codec_tag if context is not None else None,
            "width": getattr(context, "width", 0),
            "height": getattr(context, "height", 0),
            "pixel_format": getattr(context, "pix_fmt", None),
            "fps": [rate.numerator, rate.denominator] if rate else [0, 1],
            "stated_frames": stream.frames,
            "created": found["created"] or stream.metadata.get("creation_time"),
        }
        if context is not None:
            found |= _first_frame(container, stream)
        return found


def main() -> None:
    """Confine this process, look at the file, print what was found or why not."""
    plan, descriptor = json.loads(sys.argv[1]), int(sys.argv[2])
    av.logging.set_level(None)
    confine = runpy.run_path(str(_HERE / "confine.py"))["confine"]
    confine(plan["limits"], [str(Path(av.__file__).parent)])  # PyAV imports some of its parts late
    try:
        found = _describe(descriptor, plan["options"])
    except (av.FFmpegError, ValueError, OverflowError, MemoryError, OSError) as error:
        found = {"error": getattr(error, "strerror", None) or str(error)}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
