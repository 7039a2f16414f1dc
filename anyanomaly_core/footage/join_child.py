"""Joins clips to one in a confined child: ``python -I join_child.py PLAN SOURCE SIDE TARGET``.

Run as a script by :mod:`anyanomaly_core.footage.join`; it imports nothing of this package. SOURCE holds the clips, one
behind the other. For each picture that it writes it writes a line to the pipe SIDE: its time in seconds.
"""

import io
import json
import os
import runpy
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

_HERE = Path(__file__).resolve().parent
_TICK = Fraction(1, 90_000)


class ByteRange(io.RawIOBase):
    """A part of an open file, as a file of its own."""

    def __init__(self, descriptor: int, offset: int, length: int) -> None:
        self._descriptor, self._offset, self._length, self._at = descriptor, offset, length, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where it is read next."""
        return self._at

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go there."""
        self._at = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or what is left."""
        left = max(0, self._length - self._at)
        content = os.pread(self._descriptor, left if size < 0 else min(size, left), self._offset + self._at)
        self._at += len(content)
        return content


def _pictures(source: int, plan: dict[str, Any]) -> Iterator[tuple[Any, float]]:
    """Each picture with its time in the joined clip."""
    for offset, length, at_s in plan["clips"]:
        clip = ByteRange(source, offset, length)
        with av.open(clip, "r", options=plan["options"], metadata_errors="replace") as container:
            begin: float | None = None
            for picture in container.decode(video=0):
                begin = picture.time if begin is None else begin
                yield picture, at_s + picture.time - begin


def _join(source: int, plan: dict[str, Any], target: int) -> Iterator[str]:
    with (
        os.fdopen(target, "wb") as file,
        av.open(file, "w", format="mp4", options={"fflags": "+bitexact", "moov_size": str(plan["moov_bytes"])}) as out,
    ):
        stream = out.add_stream("libx264", options={name: str(value) for name, value in plan["quality"].items()})
        stream.width, stream.height = plan["size"]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TICK
        stream.codec_context.thread_count = plan["threads"]
        for picture, time_s in _pictures(source, plan):
            scaled = picture.reformat(stream.width, stream.height, "yuv420p")
            scaled.pts, scaled.time_base, scaled.pict_type = round(time_s / _TICK), _TICK, 0
            out.mux(stream.encode(scaled))
            yield f"{time_s!r}\n"
        out.mux(stream.encode(None))


def main() -> None:
    """Confine this process, then join."""
    plan, (source, side, target) = json.loads(sys.argv[1]), (int(number) for number in sys.argv[2:5])
    av.logging.set_level(None)
    confine = runpy.run_path(str(_HERE / "confine.py"))["confine"]
    confine(plan["limits"], [str(Path(av.__file__).parent)])  # PyAV imports some of its parts late
    try:
        with os.fdopen(side, "w") as out:
            out.writelines(_join(source, plan, target))
    except (av.FFmpegError, ValueError, TypeError, OverflowError, MemoryError, OSError) as error:
        sys.exit(getattr(error, "strerror", None) or str(error))


if __name__ == "__main__":
    main()
