"""Where in the picture: pixel-level ROC-AUC and average precision, region- and track-based detection (RBDC, TBDC).

Pixel scores are counted in 2^16 steps between the lowest and the highest, so a whole test set needs two histograms and
not its pixels at once; figures differ from exact ones by less than a step is wide.

RBDC and TBDC are those of Ramachandra and Jones (Street Scene, WACV 2020). A found region is a connected set of pixels
at or above a threshold. It detects a true region of its frame when their intersection over union is at least β (0.1); a
true region counts as detected however many found ones do it. A track is detected when at least α (0.1) of its regions
are. A found region that detects nothing is a false positive. Curves are rates of detection over false positives a
frame, as a step function from 0 to 1 of them; the figure is the area under them.
"""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Map = NDArray[np.float32]  # [H, W] scores of pixels
Mask = NDArray[np.bool_]  # [H, W]
Tracks = NDArray[np.integer]  # [H, W] 0: nothing, else the number of the true object that is here

LEVELS = 65_536
FAINTEST = -30.0  # logarithm of a probability; below it all are alike
PUBLISHED_SIZE = (158, 238)  # height, width to which LAVIDA's evaluation brings maps and masks
OVERLAP = TRACK_SHARE = 0.1  # β and α of Street Scene
_EIGHT = np.ones((3, 3), np.int8)  # neighbours of a pixel, corners included


def log_map(probabilities: Map) -> Map:
    """Logarithms, so that what is faint keeps its order when scores are counted in steps."""
    return np.asarray(np.log(np.maximum(probabilities, np.float32(1e-30))).clip(FAINTEST, 0), np.float32)


def pixel_curve() -> "PixelCurve":
    """An empty one for ``log_map``."""
    return PixelCurve(FAINTEST, 0.0)


def resize_nearest(values: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """[H, W] -> [*size], nearest neighbour, as masks and maps are brought to the published size."""
    as_read: NDArray[Any] = values.astype(np.uint8) if values.dtype == np.bool_ else values
    return np.asarray(cv2.resize(as_read, size[::-1], interpolation=cv2.INTER_NEAREST)).astype(values.dtype)


@dataclass(slots=True)
class PixelCurve:
    """Pixels of any number of frames, sorted into levels: all frames together make one curve (micro)."""

    low: float  # of all scores
    high: float
    positive: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LEVELS, np.int64))
    negative: NDArray[np.int64] = field(default_factory=lambda: np.zeros(LEVELS, np.int64))

    def add(self, scores: Map, truth: Mask) -> None:
        """Count the pixels of one frame.

        Raises:
            ValueError: when the shapes differ, or a score is not a number or outside the range.
        """
        if scores.shape != truth.shape:
            raise ValueError(f"A map of {scores.shape} and a mask of {truth.shape} do not belong together.")
        if not np.isfinite(scores).all() or scores.min() < self.low or scores.max() > self.high:
            raise ValueError(f"Pixel scores must lie within {self.low} and {self.high}.")
        width = max(self.high - self.low, 1e-12)
        level = np.minimum((scores.astype(np.float64) - self.low) / width * LEVELS, LEVELS - 1).astype(np.int64)
        self.positive += np.bincount(level[truth], minlength=LEVELS)
        self.negative += np.bincount(level[~truth], minlength=LEVELS)

    def roc_auc(self) -> float | None:
        """Probability that a true pixel is above another one, ties counting half; None without both kinds."""
        hits, alarms = int(self.positive.sum()), int(self.negative.sum())
        if not hits or not alarms:
            return None
        below = np.cumsum(self.negative) - self.negative / 2  # [levels] others below, half of the level's own
        return float((self.positive / hits * below / alarms).sum())

    def average_precision(self) -> float | None:
        """Mean precision over the true pixels, each level one threshold; None where there are none."""
        hits = np.cumsum(self.positive[::-1])  # at or above each level, from the highest
        alarms = np.cumsum(self.negative[::-1])
        if not hits[-1]:
            return None
        precision = hits / np.maximum(hits + alarms, 1)
        return float((precision * self.positive[::-1]).sum() / hits[-1])


@dataclass(frozen=True, slots=True)
class DetectionCriteria:
    """Areas under both curves up to one false positive a frame, in 0..1; None where nothing is true."""

    region: float | None  # RBDC
    track: float | None  # TBDC


@dataclass(slots=True)
class DetectionCurves:
    """Detected regions and tracks by threshold, counted frame by frame."""

    thresholds: NDArray[np.float64]  # [n] descending
    _frames: int = 0
    _false: NDArray[np.int64] = field(init=False)  # [n]
    _seen: dict[tuple[object, int], int] = field(default_factory=dict)  # frames in which a track is
    _found: dict[tuple[object, int], NDArray[np.int64]] = field(default_factory=dict)  # of these, detected: [n]

    def __post_init__(self) -> None:
        """Nothing counted yet."""
        self._false = np.zeros(len(self.thresholds), np.int64)

    def add(self, video: object, scores: Map, tracks: Tracks) -> None:
        """Count one frame; the frames of a video may come in any order.

        Raises:
            ValueError: when the shapes differ.
        """
        if scores.shape != tracks.shape:
            raise ValueError(f"A map of {scores.shape} and objects of {tracks.shape} do not belong together.")
        numbers, inverse = np.unique(tracks, return_inverse=True)  # [m], [H * W]
        keys = [(video, int(number)) for number in numbers]
        for key in keys:
            if key[1]:
                self._seen[key] = self._seen.get(key, 0) + 1
                self._found.setdefault(key, np.zeros(len(self.thresholds), np.int64))
        self._frames += 1
        for place, level in enumerate(self.thresholds):
            detected, wrong = _detected(scores >= level, numbers, inverse.ravel())
            self._false[place] += wrong
            for key, hit in zip(keys, detected, strict=True):
                if hit and key[1]:
                    self._found[key][place] += 1

    def criteria(self) -> DetectionCriteria:
        """Areas under both curves."""
        if not self._seen:
            return DetectionCriteria(None, None)
        by_region = np.sum(list(self._found.values()), axis=0) / sum(self._seen.values())  # [n]
        enough = [self._found[key] >= TRACK_SHARE * seen for key, seen in self._seen.items()]
        alarms = self._false / self._frames
        return DetectionCriteria(_area(alarms, by_region), _area(alarms, np.mean(enough, axis=0)))


def _detected(shown: Mask, numbers: NDArray[np.integer], place: NDArray[np.integer]) -> tuple[NDArray[np.bool_], int]:
    """Whether some found region overlaps each true object [m] enough, and how many found regions hit none.

    Args:
        shown: [H, W] pixels at or above a threshold.
        numbers: [m] of the objects in the frame, 0 for what is none.
        place: [H * W] of each pixel's object among ``numbers``.
    """
    labelled, count = label(shown, structure=_EIGHT)
    if not count:
        return np.zeros(len(numbers), np.bool_), 0
    pairs = labelled.ravel() * len(numbers) + place
    shared = np.bincount(pairs, minlength=(count + 1) * len(numbers)).reshape(count + 1, -1)  # [regions, m]
    found, true = shared.sum(1), shared.sum(0)
    overlap = shared / np.maximum(found[:, None] + true[None] - shared, 1)
    enough = (overlap >= OVERLAP)[1:] & (numbers > 0)[None]
    return np.asarray(enough.any(axis=0)), int((~enough.any(axis=1)).sum())


def _area(alarms: NDArray[np.float64], rate: NDArray[np.float64]) -> float:
    """Under the best rate reached with at most so many false positives a frame, from 0 to 1 of them."""
    order = np.argsort(alarms, kind="stable")
    x, y = alarms[order], np.maximum.accumulate(rate[order])
    inside = x <= 1
    edges = np.append(x[inside], 1.0)
    return float((np.diff(edges) * y[inside]).sum())
