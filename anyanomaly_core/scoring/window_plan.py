"""Which windows of a segment have to be encoded: each once, and none that shows what an earlier frame's has shown."""

from collections.abc import Collection, Sequence

import numpy as np

from anyanomaly_core.contexts.unchanged import window_sources
from anyanomaly_core.contexts.windows import WindowScale, all_boxes
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.scoring.resized_frames import ResizedFrames


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
