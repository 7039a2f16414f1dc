"""Which segments of a video move strangely: far more than it usually does there."""

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.motion import change
from anyanomaly_core.footage.stillness import Cells

TO_SIGMA = 1.4826  # from the median absolute deviation to the standard deviation of a normal distribution
LEAST_SPREAD = 1.0  # grey levels; in footage that never changes, noise must not count as unusual


def amount_of_motion(pictures: Cells, *, apart: int = 1) -> float:
    """Mean change from one sampled frame to another, in grey levels (see ``motion.change``); 0 for a single frame.

    It depends on the segment's own pictures alone.

    Args:
        pictures: of the segment's sampled frames.
        apart: how many samples lie between the two frames that are compared; at most the segment's first and last.
    """
    grey = pictures.astype(np.uint8)
    apart = max(1, min(apart, len(grey) - 1))
    changes = [change(before, now) for before, now in zip(grey, grey[apart:], strict=False)]
    return float(np.mean(changes)) if changes else 0.0


def find_unusual(amounts: NDArray[np.float32], deviations: float) -> NDArray[np.bool_]:
    """[S] segments whose motion exceeds the video's median by more than so many robust standard deviations.

    In a corridor at night whatever moves is unusual; on a busy square only what moves far more than the crowd. Median
    and deviation do not move when a few segments are extreme.

    Args:
        amounts: [S] of all segments of a video.
        deviations: threshold; one is at least ``LEAST_SPREAD`` grey levels.
    """
    if not len(amounts):
        return np.zeros(0, np.bool_)
    excess = amounts - np.median(amounts)
    spread = max(LEAST_SPREAD, TO_SIGMA * float(np.median(np.abs(excess))))
    return np.asarray(excess > deviations * spread)
