"""What the rendered world hands out: frames, boxes and planned events."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

EVENT_NAMES: tuple[str, ...] = (
    "bicycle",
    "car",
    "skateboard",
    "stroller",
    "bag",
    "running",
    "lying",
    "fighting",
    "smoke",
    "dog",
)
PERSON = "person"
FRAME_SIZE: tuple[int, int] = (480, 360)
"""(width, height) of every rendered frame."""

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.floating[Any]]  # what numpy's stubs make of float32 arithmetic with plain numbers
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PixelBox:
    """Where one thing is seen: pixels, clipped to the frame; "person" is an ordinary pedestrian."""

    event: str
    x0: float
    y0: float
    x1: float
    y1: float

    def mirrored(self, width: int) -> PixelBox:
        """The same box in the horizontally flipped frame."""
        return PixelBox(self.event, width - self.x1, self.y0, width - self.x0, self.y1)


@dataclass(frozen=True)
class RenderedFrame:
    """One frame as the camera would have recorded it, and what can be seen in it."""

    image: Bytes  # [H, W, 3] RGB
    boxes: tuple[PixelBox, ...]
    owners: Bytes  # [H, W] 0: nobody, else the number of whom this pixel shows
    names: tuple[str, ...]  # event, or "person", of each number from 1 on

    def mask(self, events: Collection[str]) -> npt.NDArray[np.bool_]:
        """[H, W] where one of some events can be seen."""
        numbers = [number for number, name in enumerate(self.names, start=1) if name in events]
        return np.isin(self.owners, numbers)

    @property
    def events(self) -> frozenset[str]:
        """The names of the events that can be seen."""
        return frozenset(box.event for box in self.boxes if box.event != PERSON)


@dataclass(frozen=True)
class EventSpan:
    """A planned event; what is really seen is told by the boxes of the frames."""

    event: str
    start_s: float
    end_s: float
