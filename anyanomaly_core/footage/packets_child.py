"""Lists or copies packets of a file in a confined child: ``python -I packets_child.py PLAN SOURCE SIDE TARGET``.

Run as a script by :mod:`anyanomaly_core.footage.packets`; it imports nothing of this package. For each packet that it
copies, or of the whole file when there is no target, it writes a line to the pipe SIDE:
``<time in seconds, nan where there is none> <1: key frame> <bytes> <SHA-256>``.
"""

import hashlib
import json
import math
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

Packet = Any  # av.Packet, which is generic for type checkers only
_HERE = Path(__file__).resolve().parent
_EDGE_S = 1e-4
_KEY_FRAMES_AFTER = 2
_SEEK_EARLIER_S = 2.0  # containers seek by decoding time, which is before the time of showing


class InputFile:
    """The file, opened as often as it is needed."""

    def __init__(self, descriptor: int, options: dict[str, str], choose: Callable[[InputContainer], Any]) -> None:
        self._descriptor, self._options, self._choose = descriptor, options, choose

    @contextmanager
    def open(self) -> Iterator[tuple[InputContainer, Any]]:
        """The container and its video stream, at the beginning."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        options = {"fd": str(self._descriptor), **self._options}
        with av.open("fd:", options=options, metadata_errors="replace") as container:
            yield container, self._choose(container)


class FrameSpan:
    """The frames that are needed, by time, or by number where packets have no times, as in a bare stream."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.since_s, self.until_s = plan["since_s"], plan["until_s"]
        self._first, self._last = plan["first"], plan["last"]

    def compare(self, packet: Packet, number: int) -> tuple[bool, bool]:
        """Whether the packet, the file's ``number``-th, lies after the begin and after the end."""
        time_s = _time_s(packet)
        if time_s is None:
            return number > self._first, number > self._last
        return time_s > self.since_s + _EDGE_S, time_s > self.until_s + _EDGE_S


def _time_s(packet: Packet) -> float | None:
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _between_key_frames(container: InputContainer, stream: Stream, span: FrameSpan) -> Iterator[Packet]:
    """Packets from the last key frame at or before the span to the second one after it, both included."""
    waiting: list[Packet] = []  # since the last key frame; without one, since the beginning
    started, key_frames_after = False, 0
    for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
        after_begin, after_end = span.compare(packet, number)
        if started:
            yield packet
            key_frames_after += packet.is_keyframe and after_end
            if key_frames_after == _KEY_FRAMES_AFTER:
                return
        elif packet.is_keyframe and not after_begin:
            waiting = [packet]
        else:
            waiting.append(packet)
            if after_begin:
                started = True
                yield from waiting
    if not started:
        yield from waiting


def _select_packets(source: InputFile, span: FrameSpan) -> Iterator[tuple[Any, Packet]]:
    """As above with their stream, found by seeking where the container can be searched."""
    with source.open() as (container, stream):
        try:
            container.seek(int((span.since_s - _SEEK_EARLIER_S) / stream.time_base), stream=stream, backward=True)
            packets = _between_key_frames(container, stream, span)
            first = next(packets, None)
        except av.FFmpegError:
            first = None
        time_s = None if first is None else _time_s(first)
        if first is not None and first.is_keyframe and time_s is not None and time_s <= span.since_s + _EDGE_S:
            yield stream, first
            yield from ((stream, packet) for packet in packets)
            return
    with source.open() as (container, stream):
        yield from ((stream, packet) for packet in _between_key_frames(container, stream, span))


def _copy_packets(source: InputFile, plan: dict[str, Any], target: int) -> Iterator[str]:
    with (
        os.fdopen(target, "wb") as file,
        av.open(file, "w", format=plan["container"], options={"fflags": "+bitexact"}) as out,
    ):
        copy = None
        for stream, packet in _select_packets(source, FrameSpan(plan)):
            copy = copy or out.add_stream_from_template(stream)
            yield _line(packet)  # before muxing, which may take the data away
            packet.stream = copy
            out.mux(packet)


def _list_packets(source: InputFile) -> Iterator[str]:
    with source.open() as (container, stream):
        yield from (_line(packet) for packet in container.demux(stream) if packet.size)


def _line(packet: Packet) -> str:
    digest = hashlib.sha256(bytes(packet)).hexdigest()
    time_s = _time_s(packet)
    return f"{math.nan if time_s is None else time_s!r} {int(packet.is_keyframe)} {packet.size} {digest}\n"


def main() -> None:
    """Confine this process, then list or copy."""
    plan, (source, side, target) = json.loads(sys.argv[1]), (int(number) for number in sys.argv[2:5])
    av.logging.set_level(None)
    confine = runpy.run_path(str(_HERE / "confine.py"))["confine"]
    video_stream = runpy.run_path(str(_HERE / "probe_child.py"))["video_stream"]
    confine(plan["limits"], [str(Path(av.__file__).parent)])  # PyAV imports some of its parts late
    footage = InputFile(source, plan["options"], video_stream)
    try:
        with os.fdopen(side, "w") as out:
            out.writelines(_list_packets(footage) if target < 0 else _copy_packets(footage, plan, target))
    except (av.FFmpegError, ValueError, TypeError, OverflowError, MemoryError, OSError) as error:
        sys.exit(getattr(error, "strerror", None) or str(error))


if __name__ == "__main__":
    main()
