"""Square windows of a frame at several scales (paper section 3.3, after WinCLIP)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.resampling import Float01, Image, bilinear, opencv_bilinear
from anyanomaly_core.errors import ConfigurationError

SIDE = 240  # windows are cut from a frame of SIDE x SIDE pixels


@dataclass(frozen=True, slots=True)
class WindowScale:
    """All windows of one size."""

    size: int
    stride: int
    rows: int
    cols: int
    boxes: NDArray[np.int64]  # [rows * cols, 4] x0, y0, x1, y1 in a 240x240 frame, row by row

    @property
    def count(self) -> int:
        """Windows of this scale."""
        return self.rows * self.cols


def window_scales(sizes: Sequence[int], half_strides: bool) -> tuple[WindowScale, ...]:
    """The window scales of a profile, in the order of ``sizes``.

    Raises:
        ConfigurationError: when a size does not tile 240x240 at its stride, or a size comes twice.
    """
    if not sizes or len(set(sizes)) != len(sizes):
        raise ConfigurationError(
            f"contexts.window_sizes must name different sizes, at least one; it is {tuple(sizes)}."
        )
    return tuple(_scale(size, half_strides) for size in sizes)


def _scale(size: int, half_strides: bool) -> WindowScale:
    if size < 1 or SIDE % size or (half_strides and size % 2):
        wanted = "an even divisor" if half_strides else "a divisor"
        raise ConfigurationError(
            f"contexts.window_sizes: {size} is not {wanted} of {SIDE}, so its windows do not cover a frame. "
            "Take for example 48, 80, 120 or 240."
        )
    stride = size // 2 if half_strides else size
    starts = np.arange(0, SIDE - size + 1, stride)
    y0, x0 = (axis.ravel() for axis in np.meshgrid(starts, starts, indexing="ij"))
    boxes = np.stack([x0, y0, x0 + size, y0 + size], axis=1).astype(np.int64)
    return WindowScale(size, stride, len(starts), len(starts), boxes)


def all_boxes(scales: Sequence[WindowScale]) -> NDArray[np.int64]:
    """[K, 4] boxes of all scales, in order: what row k of window embeddings stands for."""
    return np.concatenate([scale.boxes for scale in scales])


def reference_frame240(image: Image) -> Float01:
    """A frame as float32 [240, 240, 3] in 0..1, of whole grey levels, as OpenCV resizes it for the reference."""
    return np.asarray(opencv_bilinear(image, SIDE, SIDE), np.float32) / np.float32(255)


def reference_pixels(frame: Float01, scales: Sequence[WindowScale], side: int) -> Float01:
    """The K windows of a 240x240 frame in 0..1 as float32 [K, 3, side, side], each resized bilinearly."""
    parts = [
        bilinear(np.stack([frame[y0:y1, x0:x1] for x0, y0, x1, y1 in scale.boxes]), side, side) for scale in scales
    ]
    return np.ascontiguousarray(np.concatenate(parts).transpose(0, 3, 1, 2))
