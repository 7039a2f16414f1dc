"""What a detector of faces or text is, and the boxes it returns."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # [n, 4] left, top, right, bottom
NO_BOXES: Boxes = np.empty((0, 4))

BlurTarget = Literal["faces", "plates"]


class Detector(Protocol):
    """A detector. Not to be used by two threads at once."""

    description: str  # detector and versions, as evidence states them
    frames_per_s: float  # that it examines; tracking fills the frames between

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Boxes to blur, [n, 4] in pixels of the image [H, W, 3] RGB."""
