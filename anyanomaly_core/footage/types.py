"""The records that flow out of the footage room."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file under the archive root, before anybody looked inside."""

    uri: str  # as stored: relative to the archive root, POSIX separators
    size: int
    modified: float  # seconds since 1970
    camera: str | None  # as stated by path or sidecar; None: stated nowhere
    recorded_at: datetime | None  # aware
    recorded_at_source: str | None  # "path", "sidecar", "container"
    problem: str | None = None  # why it cannot be ingested (no camera, unsafe path, ...); None: fine
    doubt: str | None = None  # why its path states no recording time although the layout has one


@dataclass(frozen=True, slots=True)
class Probe:
    """What the container says; frame counts of headers are not believed."""

    codec: str
    width: int  # as displayed, after rotation
    height: int
    rotation: int  # degrees clockwise
    fps: Fraction  # average; 0 when unknown
    duration_s: float | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """What the packets of a file say, or one decoding pass over it found."""

    times_s: NDArray[np.float64]  # [F] when each decoded frame begins, since the file's beginning; see timeline.repair
    motion: NDArray[np.float32] | None  # [F] change to the frame before, see motion.change; grey levels 0..255;
    # motion[0] = 0. None: nothing was decoded
    damage: tuple[str, ...]  # what the decoder complained about, what was repaired and what is missing; empty: clean
    complete: bool  # False: the beginning or the end of what the file holds could not be decoded
    holes_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))  # [H, 2] where there is no footage
    as_stated: bool = True  # times are as the file states them, but for a shift: frames can be found by them

    @property
    def from_packets(self) -> bool:
        """Whether nothing was decoded: the packets stated it all."""
        return self.motion is None

    @property
    def frame_count(self) -> int:
        """Decoded frames."""
        return len(self.times_s)


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame."""

    number: int  # 0 = first decoded frame of the file
    image: NDArray[np.uint8]  # [H, W, 3] RGB, rotated as displayed
