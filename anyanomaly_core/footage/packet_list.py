"""The packets of a video stream, where they tell exactly which pictures a decoder makes of them."""

import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import allowed
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.sandbox import Child, Limits, describe_end, footage_descriptor

_CHILD = str(Path(__file__).resolve().parent / "packet_list_child.py")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PacketList:
    """One packet for every picture, in the order in which they are shown."""

    ticks: NDArray[np.int64]  # [P] when each is shown, in ``unit``, on the file's own clock
    unit: Fraction  # seconds
    sizes: NDArray[np.int32]  # [P] bytes
    key_frames: NDArray[np.bool_]  # [P]

    @property
    def times_s(self) -> NDArray[np.float64]:
        """[P] in seconds, as decoding states them."""
        return np.array([float(int(tick) * self.unit) for tick in self.ticks], np.float64)


def list_packets(path: str | Path, *, limits: Limits = Limits()) -> PacketList | None:  # noqa: B008  (frozen)
    """The packets of a file without decoding it; None: they do not tell exactly what a decoder makes of them.

    They do where a camera wrote H.264 into MP4, MOV or Matroska, picture after picture in the order in which
    they are shown, no edit list hides one, and all units and slice headers are as the standard has them.

    Raises:
        FootageError: the file cannot be opened.
    """
    try:
        state = Path(path).stat()
    except (OSError, ValueError) as error:
        raise FootageError(f"{str(path)!r} cannot be opened: {error}.") from None
    return _list_packets(str(path), state.st_ino, state.st_size, state.st_mtime_ns, limits)


@lru_cache(maxsize=2)
def _list_packets(path: str, _inode: int, _size: int, _modified: int, limits: Limits) -> PacketList | None:
    plan = {
        "limits": limits.resources(),
        "options": {
            "protocol_whitelist": ",".join(allowed.PROTOCOLS),
            "format_whitelist": ",".join(allowed.FORMATS),
            "codec_whitelist": ",".join(allowed.DECODERS),
        },
    }
    command = [sys.executable, "-I", _CHILD, json.dumps(plan), "{source}"]
    said = bytearray()
    buffer = bytearray(_CHUNK)
    with footage_descriptor(path) as source, Child(command, source) as child:
        pipes = Pipes(child, source, limits.stall_s)
        try:
            while count := pipes.read_into(memoryview(buffer)):
                said += buffer[:count]
            status = pipes.finish()
        except StallError:
            status = None
        if describe_end(status, limits) is not None:
            return None
    head, _, body = bytes(said).partition(b"\n")
    found = json.loads(head)
    return None if "why" in found else _parse_packets(found["packets"], Fraction(*found["unit"]), body)


def _parse_packets(count: int, unit: Fraction, body: bytes) -> PacketList:
    """Arrays one behind the other, as the child writes them."""
    ticks = np.frombuffer(body, np.int64, count)
    sizes = np.frombuffer(body, np.int32, count, 8 * count)
    keys = np.frombuffer(body, np.uint8, count, 12 * count)
    return PacketList(ticks, unit, sizes, keys.astype(np.bool_))
