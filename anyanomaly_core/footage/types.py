"""The records that flow out of the footage room."""

from dataclasses import dataclass
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
    """What one decoding pass over a file found."""

    times_s: NDArray[np.float64]  # [F] presentation time of each decoded frame since the first, non-decreasing
    motion: NDArray[np.float32]  # [F] change to the frame before, see motion.change; grey levels 0..255; motion[0] = 0
    damage: tuple[str, ...]  # what the decoder complained about, bounded; empty: clean
    complete: bool  # False: decoding stopped before the end of the file

    @property
    def frame_count(self) -> int:
        """Decoded frames."""
        return len(self.times_s)


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame."""

    number: int  # 0 = first decoded frame of the file
    image: NDArray[np.uint8]  # [H, W, 3] RGB, rotated as displayed
