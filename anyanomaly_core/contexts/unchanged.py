"""Which windows show what an earlier frame of the segment has shown: background, most of the time.

A decision about pixels alone. No rule is involved, so every rule and every repetition finds the same windows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.windows import SIDE, WindowScale, all_boxes

Cells = NDArray[np.float32]  # [n, rows, cols] mean grey levels of the cells of n frames
Sources = NDArray[np.int64]  # [n, K] place of the frame whose window stands for this one; itself where it changed


def window_sources(cells: Cells, scales: Sequence[WindowScale], level: float) -> Sources:
    """For each window of each frame, the frame that is encoded in its stead.

    A window is compared with the last one at its place that was not like its forerunner, so that a slow change adds up.

    Args:
        cells: of the frames in order.
        scales: the window scales, K windows in all.
        level: grey levels by which no cell of a window may differ.
    """
    rows, cols = cells.shape[1:]
    boxes = all_boxes(scales)
    sources = np.empty((len(cells), len(boxes)), np.int64)
    for place, (x0, y0, x1, y1) in enumerate(boxes):
        top, bottom = y0 * rows // SIDE, -(-y1 * rows // SIDE)  # cells that the window touches
        left, right = x0 * cols // SIDE, -(-x1 * cols // SIDE)
        sources[:, place] = _sources(cells[:, top:bottom, left:right].reshape(len(cells), -1), level)
    return sources


def _sources(window: NDArray[np.float32], level: float) -> NDArray[np.int64]:
    """[n] for the cells [n, m] of one window."""
    found = np.empty(len(window), np.int64)
    source = 0
    while source < len(window):
        changed = np.abs(window[source + 1 :] - window[source]).max(axis=1) > level
        end = source + 1 + int(changed.argmax()) if changed.any() else len(window)
        found[source:end] = source
        source = end
    return found
