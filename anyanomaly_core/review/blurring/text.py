"""Where writing is in a picture, number plates above all: the text detector of PP-OCR, by way of the package rapidocr.

Plates of all countries are writing, and a plate whose writing cannot be made out tells nothing. What else can be read,
signs and the recorder's clock, is found as well. docs/evidence.md says what was seen of it.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from anyanomaly_core.review.blurring.detector import Boxes

_LARGEST = 0.25  # of the picture's shorter side: what is higher is no plate, but a person in stripes
_TILE, _OVERLAP = (960, 540), (240, 120)  # width, height; a plate that is cut by one tile is whole in the next
_LEAST = 0.25  # of a tile's longer side: the detector refuses narrower strips
_OPTIONS = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}


class WritingFinder:
    """The detector. It likes letters of 20 to 50 pixels; so it sees tiles, whose shorter side it enlarges to 736."""

    described = (
        f"PP-OCRv6 text detection in tiles of {_TILE[0]}x{_TILE[1]} (rapidocr {version('rapidocr')}, "
        f"ONNX Runtime {version('onnxruntime')})"
    )
    looks_per_s = 4.0

    def __init__(self) -> None:
        self._reader = RapidOCR(params=_OPTIONS)

    def find(self, image: NDArray[np.uint8]) -> Boxes:
        """Boxes around writing [n, 4] in pixels of the image [H, W, 3] RGB."""
        corners = [np.empty((0, 4, 2))]
        for left, top, tile in _tiles(image):
            found: Any = self._reader(tile, use_det=True, use_cls=False, use_rec=False)
            if found.boxes is not None:
                corners.append(np.asarray(found.boxes, np.float64) + np.array([left, top]))
        quads = np.concatenate(corners)  # [n, 4, 2], slanted as the writing is
        sides = np.linalg.norm(quads - np.roll(quads, -1, axis=1), axis=2)  # [n, 4]
        quads = quads[sides.min(axis=1, initial=np.inf) <= _LARGEST * min(image.shape[:2])]
        return np.concatenate([quads.min(axis=1, initial=np.inf), quads.max(axis=1, initial=-np.inf)], axis=1)


def _tiles(image: NDArray[np.uint8]) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Left, top and BGR pixels of parts that overlap and cover the picture; narrow ones are filled up in black."""
    height, width = image.shape[:2]
    for top in _starts(height, _TILE[1], _OVERLAP[1]):
        for left in _starts(width, _TILE[0], _OVERLAP[0]):
            part = image[top : top + _TILE[1], left : left + _TILE[0], ::-1]
            least = int(np.ceil(_LEAST * max(part.shape[:2])))
            more = [max(0, least - side) for side in part.shape[:2]]
            yield left, top, np.asarray(cv2.copyMakeBorder(part, 0, more[0], 0, more[1], cv2.BORDER_CONSTANT), np.uint8)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin, evenly apart."""
    if length <= tile:
        return [0]
    count = 1 + -(-(length - tile) // (tile - overlap))
    return [round(place * (length - tile) / (count - 1)) for place in range(count)]
