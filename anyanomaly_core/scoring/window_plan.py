"""Which windows of a segment have to be encoded: each once, and none that shows what an earlier frame's has shown.

Background, most of the time. Whether a window shows anything new is a decision about pixels alone. No rule is involved,
so every rule and every repetition finds the same windows.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.windows import SIDE, WindowScale, all_boxes
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.scoring.resized_frames import ResizedFrames

Cells = NDArray[np.float32]  # [n, rows, cols] mean grey levels of the cells of n frames
Sources = NDArray[np.int64]  # [n, K] place of the frame whose window stands for this one; itself where it changed


class WindowPlan:
    """The windows of the frames at some places of a segment. A window is (place of the frame, which of the K)."""

    def __init__(
        self, resized: ResizedFrames, wanted: Collection[int], scales: Sequence[WindowScale], same_level: float
    ) -> None:
        """Find the windows that are missing.

        Args:
            resized: the segment; what its ``encoded.windows`` holds is not missing.
            wanted: places of frames.
            scales: the window scales.
            same_level: grey levels by which a window that is not encoded again may differ; 0: all are encoded.
        """
        self._resized, self._wanted = resized, sorted(wanted)
        self._boxes = all_boxes(scales)
        images, count = resized.segment.images, len(self._boxes)
        self._sources = np.repeat(np.arange(len(images))[:, None], count, axis=1)  # [n, K]
        if same_level > 0 and self._wanted:
            self._sources = window_sources(resized.segment.cells(), scales, same_level)
        known = resized.segment.encoded.windows
        self._rows = {(int(self._sources[p, k]), k): row for p, rows in known.items() for k, row in enumerate(rows)}
        needed = {(int(self._sources[p, k]), k) for p in self._wanted for k in range(count)}
        self.missing = sorted(needed - self._rows.keys())

    def crop(self, place: int, window: int) -> Image:
        """[size, size, 3] out of the frame of 240x240; a view."""
        x0, y0, x1, y1 = self._boxes[window]
        return self._resized.frame240(place)[y0:y1, x0:x1]

    def add(self, place: int, window: int, row: Embeddings) -> None:
        """Take the embedding [d] of a missing window."""
        self._rows[place, window] = row

    def rows(self) -> dict[int, Embeddings]:
        """Place -> [K, d], for all wanted places, once nothing is missing any more."""
        count = len(self._boxes)
        return {p: np.stack([self._rows[int(self._sources[p, k]), k] for k in range(count)]) for p in self._wanted}


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
