"""Where in a frame the object of a rule is: its mask, box, share of the picture and centre."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

LEAST_SCORE = 0.3  # of a frame whose region is kept; a rule's threshold may be lower, then its weakest frames have none


@dataclass(frozen=True, slots=True)
class FrameRegion:
    """What a model marks in a frame. Positions are shares of the picture's width and height."""

    frame: int  # number in its file
    score: float  # of the frame, before smoothing
    box: tuple[float, float, float, float]  # left, top, right, bottom
    area: float  # share of the picture
    centre: tuple[float, float]  # of gravity
    mask_size: tuple[int, int]  # rows and columns of the mask, which covers the whole picture
    mask: str  # run-length code of COCO ("counts" of pycocotools)

    def pixels(self) -> NDArray[np.bool_]:
        """[rows, columns] what is marked."""
        return decode_mask(self.mask_size, self.mask)


def decode_mask(size: tuple[int, int], code: str) -> NDArray[np.bool_]:
    """[rows, columns] what a run-length code of COCO marks."""
    return np.asarray(coco.decode({"size": list(size), "counts": code.encode()}), np.bool_)


def frame_region(frame: int, score: float, logits: NDArray[np.float32]) -> FrameRegion | None:
    """The region of a frame, or None where nothing is marked.

    Args:
        frame: its number.
        score: of the frame; below ``LEAST_SCORE`` nothing is kept.
        logits: [h, w] of the mask; what is above 0 belongs to it.
    """
    marked = logits > 0
    if score < LEAST_SCORE or not marked.any():
        return None
    height, width = marked.shape
    rows, columns = np.nonzero(marked)
    code = coco.encode(np.asfortranarray(marked, np.uint8))
    return FrameRegion(
        frame,
        score,
        (
            float(columns.min() / width),
            float(rows.min() / height),
            float((columns.max() + 1) / width),
            float((rows.max() + 1) / height),
        ),
        float(marked.mean()),
        (float((columns.mean() + 0.5) / width), float((rows.mean() + 0.5) / height)),
        (height, width),
        code["counts"].decode("ascii"),
    )
