"""Detection of text, number plates above all, by PP-OCR's text detector in the package rapidocr.

A plate of any country is text, and a plate whose text cannot be read reveals nothing. Other text, such as signs and
the recorder's clock, is found too. docs/evidence.md states what was seen of it.
"""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from anyanomaly_core.review.blurring.detector import Boxes

_MAX_HEIGHT = 0.25  # of the image's shorter side: anything higher is no plate, but a person in stripes
_TILE, _OVERLAP = (960, 540), (240, 120)  # width, height; a plate that is cut by one tile is whole in the next
_MIN_ASPECT = 0.25  # shorter by longer side of a tile: the detector refuses narrower strips
_OPTIONS = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}


class TextDetector:
    """PP-OCR on tiles, whose shorter side it enlarges to 736 pixels: it works best on letters of 20 to 50 pixels."""

    description = (
        f"PP-OCRv6 text detection in tiles of {_TILE[0]}x{_TILE[1]} (rapidocr {version('rapidocr')}, "
        f"ONNX Runtime {version('onnxruntime')})"
    )
    frames_per_s = 4.0

    def __init__(self) -> None:
        self._reader = RapidOCR(params=_OPTIONS)

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Boxes around text [n, 4] in pixels of the image [H, W, 3] RGB."""
        corners = [np.empty((0, 4, 2))]
        for left, top, tile in _tiles(image):
            result: Any = self._reader(tile, use_det=True, use_cls=False, use_rec=False)
            if result.boxes is not None:
                corners.append(np.asarray(result.boxes, np.float64) + np.array([left, top]))
        quads = np.concatenate(corners)  # [n, 4, 2], slanted as the text is
        sides = np.linalg.norm(quads - np.roll(quads, -1, axis=1), axis=2)  # [n, 4]
        quads = quads[sides.min(axis=1, initial=np.inf) <= _MAX_HEIGHT * min(image.shape[:2])]
        return np.concatenate([quads.min(axis=1, initial=np.inf), quads.max(axis=1, initial=-np.inf)], axis=1)


def _tiles(image: NDArray[np.uint8]) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Left, top and BGR pixels of overlapping tiles that cover the image. Narrow ones are padded with black."""
    height, width = image.shape[:2]
    for top in _starts(height, _TILE[1], _OVERLAP[1]):
        for left in _starts(width, _TILE[0], _OVERLAP[0]):
            part = image[top : top + _TILE[1], left : left + _TILE[0], ::-1]
            min_side = int(np.ceil(_MIN_ASPECT * max(part.shape[:2])))
            padding = [max(0, min_side - side) for side in part.shape[:2]]
            yield (
                left,
                top,
                np.asarray(cv2.copyMakeBorder(part, 0, padding[0], 0, padding[1], cv2.BORDER_CONSTANT), np.uint8),
            )


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Offsets of evenly spaced tiles."""
    if length <= tile:
        return [0]
    count = 1 + -(-(length - tile) // (tile - overlap))
    return [round(place * (length - tile) / (count - 1)) for place in range(count)]
