"""Where writing is in a picture, number plates above all: the text detector of PP-OCR, by way of the package rapidocr.

Plates of all countries are writing, and a plate whose writing cannot be made out tells nothing. What else can be read,
signs and the recorder's clock, is found as well. docs/evidence.md says what was seen of it.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR

from anyanomaly_core.review.hiding.boxes import NONE, Boxes

_LARGEST = 0.25  # of the picture's shorter side: what is higher is no plate, but a person in stripes
_OPTIONS = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1}


class WritingFinder:
    """The detector. It enlarges small pictures until their shorter side has 736 pixels."""

    described = f"PP-OCRv6 text detection (rapidocr {version('rapidocr')}, ONNX Runtime {version('onnxruntime')})"

    def __init__(self) -> None:
        self._reader = RapidOCR(params=_OPTIONS)

    def find(self, image: NDArray[np.uint8]) -> Boxes:
        """Boxes around writing [n, 4] in pixels of the image [H, W, 3] RGB."""
        bgr = np.ascontiguousarray(image[..., ::-1])
        found: Any = self._reader(bgr, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return NONE
        corners = np.asarray(found.boxes, np.float64)  # [n, 4, 2]
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        lower = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) <= _LARGEST * min(image.shape[:2])
        return np.asarray(boxes[lower])
