"""How much a scene changes from one frame to the next, insensitive to sensor noise and to how small the mover is."""

import numpy as np
from numpy.typing import NDArray

GRID_WIDTH, GRID_HEIGHT = 64, 36  # cells; each is the mean grey level of its part of the picture
MOST_CHANGED = 23  # cells that count: 1 % of 2304


def change(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> float:
    """Mean absolute change, in grey levels 0..255, of the 1 % of cells that changed most.

    Averaging over a cell (30x30 pixels of a 1080p picture) takes the sensor's noise out. The mean over all cells
    would in turn lose a person far away, who covers one cell in a thousand; the largest single cell would follow
    one blinking lamp. A change of light counts in full: a scene that goes dark is not a static scene.

    Args:
        before: [GRID_HEIGHT, GRID_WIDTH] grey levels of the frame before.
        now: the same of this frame.
    """
    difference = np.abs(before.astype(np.int16) - now).ravel()
    return float(np.partition(difference, -MOST_CHANGED)[-MOST_CHANGED:].mean())
