"""What detectors of things to hide give."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # [n, 4] left, top, right, bottom
NONE: Boxes = np.empty((0, 4))

Hidden = Literal["faces", "plates"]


class Finder(Protocol):
    """A detector; not for two threads at a time."""

    described: str  # detector and versions, as evidence states them
    looks_per_s: float  # frames between are covered as gaps are

    def find(self, image: NDArray[np.uint8]) -> Boxes:
        """What is to be hidden, [n, 4] in pixels of the image [H, W, 3] RGB."""
