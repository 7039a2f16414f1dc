"""Lists the packets of a video stream, in a confined child: ``python -I packet_list_child.py PLAN SOURCE``.

Run as a script by :mod:`anyanomaly_core.footage.packet_list`; it imports nothing of this package. Prints a line of JSON
``{"unit": [n, d], "packets": P}`` and then three arrays: times (int64, in the unit), bytes (int32), key frames (uint8).
Where packets do not tell exactly what a decoder makes of them it prints ``{"why": ...}`` instead.
"""

import json
import os
import runpy
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.video.stream import VideoStream

ChooseStream = Callable[[InputContainer], VideoStream | None]
_HERE = Path(__file__).resolve().parent
_CONTAINERS = {"mov", "matroska"}  # they state the size and the time of every packet
_FLAWS = (av.FFmpegError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)


def _list(descriptor: int, options: dict[str, str], video_stream: ChooseStream, rules: dict[str, Any]) -> bytes:
    order_unknown = rules["PictureOrderError"]
    times, sizes, keys = array("q"), array("i"), array("B")
    with av.open("fd:", options={"fd": str(descriptor), **options}, metadata_errors="replace") as container:
        stream = video_stream(container)
        if stream is None or container.format.name.split(",")[0] not in _CONTAINERS:
            raise order_unknown("a container that does not state every packet")
        context = stream.codec_context
        check = rules["checker"](context.name, context.extradata)
        syntax = BitStreamFilterContext(check.filter_name, stream)
        for packet in container.demux(stream):
            if packet.dts is None and not packet.size:
                break  # the flush at the end
            if packet.pts is None or not packet.size or packet.is_corrupt or packet.is_discard:
                raise order_unknown("packets without time or content")
            if (times and packet.pts <= times[-1]) or not (times or packet.is_keyframe):
                raise order_unknown("packets in another order than pictures")
            check.check(bytes(packet), packet.is_keyframe)
            times.append(packet.pts)
            sizes.append(packet.size)
            keys.append(packet.is_keyframe)
            syntax.filter(packet)  # reads every slice header; raises where one breaks the rules of the codec
        if not times or (stream.frames and stream.frames != len(times)):
            raise order_unknown("the header states another number of packets")
        if (unit := stream.time_base) is None:
            raise order_unknown("the container states no unit of time")
    head = json.dumps({"unit": [unit.numerator, unit.denominator], "packets": len(times)})
    return head.encode() + b"\n" + times.tobytes() + sizes.tobytes() + keys.tobytes()


def main() -> None:
    """Confine this process, then list."""
    plan, descriptor = json.loads(sys.argv[1]), int(sys.argv[2])
    av.logging.set_level(None)
    confine = runpy.run_path(str(_HERE / "confine.py"))["confine"]
    video_stream = runpy.run_path(str(_HERE / "probe_child.py"))["video_stream"]
    rules = runpy.run_path(str(_HERE / "coded_pictures.py"))
    confine(plan["limits"], [str(Path(av.__file__).parent)])  # PyAV imports some of its parts late
    try:
        out = _list(descriptor, plan["options"], video_stream, rules)
    except (rules["PictureOrderError"], *_FLAWS, MemoryError, OSError) as error:
        out = json.dumps({"why": getattr(error, "strerror", None) or str(error)}).encode() + b"\n"
    with os.fdopen(1, "wb") as stdout:
        stdout.write(out)


if __name__ == "__main__":
    main()
