"""Temporal context: one window at four moments as a 2x2 grid (paper section 3.4)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.resampling import Float01, Image, bilinear, shrink_or_grow

CELL = 112  # side of one crop in the grid
ENCODED_SIDE = 224  # the reference implementation grows a window to this before it shrinks it to CELL


def winning_window(similarity: NDArray[np.floating]) -> int:
    """Index of the window whose best similarity over the grid frames is highest; ties go to the first.

    Args:
        similarity: [4, K] cosine of each of K windows in each grid frame with the text.
    """
    return int(np.argmax(similarity.max(axis=0)))


def grid_image(frames: Sequence[Image], box: Sequence[int]) -> Image:
    """uint8 [224, 224, 3]: window ``box`` of four 240x240 frames, in time order row by row."""
    x0, y0, x1, y1 = box
    cells = [shrink_or_grow(np.ascontiguousarray(frame[y0:y1, x0:x1]), CELL, CELL) for frame in frames]
    return _two_by_two(cells)


def reference_grid_image(frames: Sequence[Float01], box: Sequence[int]) -> Image:
    """As ``grid_image`` for frames in 0..1, resized and cut off as the reference implementation does."""
    x0, y0, x1, y1 = box
    windows = np.stack([frame[y0:y1, x0:x1] for frame in frames])  # [4, size, size, 3]
    cells = bilinear(bilinear(windows, ENCODED_SIDE, ENCODED_SIDE), CELL, CELL)
    return _two_by_two([(cell * 255).astype(np.uint8) for cell in cells])


def _two_by_two(cells: Sequence[Image]) -> Image:
    first, second, third, fourth = cells
    return np.concatenate([np.concatenate([first, second], axis=1), np.concatenate([third, fourth], axis=1)])
