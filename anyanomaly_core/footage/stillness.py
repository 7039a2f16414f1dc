"""Whether a scene has stayed as it was: what moved, came or went shows, noise, flicker and compression do not.

Pictures are compared cell by cell with the segment that was judged last, not with the one before: a change too slow to
show from one segment to the next adds up until it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from anyanomaly_core.footage.motion import GRID_HEIGHT, GRID_WIDTH

Cells = NDArray[np.float32]  # [n, GRID_HEIGHT, GRID_WIDTH] mean grey levels, 0..255
Map = NDArray[np.float32]  # [GRID_HEIGHT, GRID_WIDTH]

LASTING = 2 / 3  # share of the level that the mean of a segment may differ by; noise averages out of it
EDGE_ROWS = 4  # at the top and bottom: where recorders burn in clocks and names
MOST_TICKING = 46  # cells (2 %) that a clock may cover
REACH = 3  # cells beside a ticking one that the clock's slower digits cover


def cells(images: Sequence[NDArray[np.uint8]]) -> Cells:
    """Mean grey level of each cell of each image [H, W, 3], whole picture, aspect not kept."""
    size = GRID_WIDTH, GRID_HEIGHT
    grey = [PilImage.fromarray(image).convert("L").resize(size, PilImage.Resampling.BOX) for image in images]
    return np.stack([np.asarray(picture, np.float32) for picture in grey])


@dataclass(frozen=True, slots=True)
class StillScene:
    """A segment in which nothing moved."""

    mean: Map
    watched: NDArray[np.bool_]  # [GRID_HEIGHT, GRID_WIDTH], all cells but those of a burnt-in clock
    level: float

    def goes_on(self, pictures: Cells) -> bool:
        """Whether every one of ``pictures`` shows the same scene.

        The picture as a whole may be up to ``level`` grey levels lighter or darker (flicker); besides that, no cell may
        differ by more than ``level``, and none by more than ``LASTING`` of it on average.
        """
        if not self.watched.any():
            return False
        whole, left = _differences(pictures, self.mean)
        lasting = np.abs(left.mean(0))
        quiet = (np.abs(left).max(0) <= self.level) & (lasting <= LASTING * self.level)
        return bool(np.abs(whole).max() <= self.level and quiet[self.watched].all())


def still_scene(pictures: Cells, level: float) -> StillScene | None:
    """The scene of a segment, or None when something moves in it.

    Cells at the upper and lower edge that change, and those beside them, are taken for a clock and not watched.

    Args:
        pictures: of the segment's sampled frames.
        level: grey levels, 0..255, by which a cell (7x10 pixels of a 480x360 picture) may change.
    """
    mean = pictures.mean(0)
    whole, left = _differences(pictures, mean)
    moving = np.abs(left).max(0) > level
    ticking = moving.copy()
    ticking[EDGE_ROWS:-EDGE_ROWS] = False
    if np.abs(whole).max() > level or (moving & ~ticking).any() or ticking.sum() > MOST_TICKING:
        return None
    return StillScene(mean, ~_widen(ticking), level)


def _differences(pictures: Cells, mean: Map) -> tuple[NDArray[np.float32], Cells]:
    """How much each picture is lighter as a whole [n, 1, 1], and what is left of the differences [n, H, W]."""
    difference = pictures - mean
    whole = np.median(difference, axis=(1, 2), keepdims=True)
    return whole, difference - whole


def _widen(ticking: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True also for ``REACH`` cells to the left and right."""
    padded = np.pad(ticking, ((0, 0), (REACH, REACH)))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1, axis=1).any(axis=-1))
