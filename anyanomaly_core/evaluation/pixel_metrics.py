"""Where in the picture: pixel-level ROC-AUC and average precision, region- and track-based detection (RBDC, TBDC).

Pixel scores are counted in 2^16 steps between the lowest and the highest, so a whole test set needs two histograms and
not its pixels at once; figures differ from exact ones by less than a step is wide.

RBDC and TBDC are those of Ramachandra and Jones (Street Scene, WACV 2020). A found region is a connected set of pixels
at or above a threshold. It detects a true region of its frame when their intersection over union is at least β (0.1); a
true region counts as detected however many found ones do it. A track is detected when at least α (0.1) of its regions
are. A found region that detects nothing is a false positive. Curves are rates of detection over false positives a
frame, as a step function from 0 to 1 of them; the figure is the area under them.
"""

from collections.abc import Iterable, Sequence
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
PUBLISHED_SIZE = (158, 238)  # height, width to which LAVIDA's evaluation brings maps and masks
OVERLAP = TRACK_SHARE = 0.1  # β and α of Street Scene
THRESHOLDS = 100  # of the two criteria
_EIGHT = np.ones((3, 3), np.int8)  # neighbours of a pixel, corners included


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


def detection_criteria(
    videos: Iterable[Iterable[tuple[Map, Tracks]]], thresholds: Sequence[float] | None = None
) -> DetectionCriteria:
    """RBDC and TBDC of videos given frame by frame.

    Args:
        videos: frames of each in order: pixel scores and which true object is where. Numbers of objects count within a
            video. An object is one region of a frame, connected or not.
        thresholds: descending; None: ``THRESHOLDS`` evenly spaced over the scores, which are then kept in memory.

    Raises:
        ValueError: when shapes differ.
    """
    frames = [(v, scores, tracks) for v, video in enumerate(videos) for scores, tracks in video]
    if not any(tracks.any() for _, _, tracks in frames):
        return DetectionCriteria(None, None)
    levels = _levels([scores for _, scores, _ in frames]) if thresholds is None else np.asarray(thresholds)
    regions = {(v, int(n)) for v, _, tracks in frames for n in np.unique(tracks) if n}
    seen = dict.fromkeys(regions, 0)  # frames in which a track is
    found = {key: np.zeros(len(levels), np.int64) for key in regions}  # of these, detected, by threshold
    false = np.zeros(len(levels), np.int64)
    for video, scores, tracks in frames:
        if scores.shape != tracks.shape:
            raise ValueError(f"A map of {scores.shape} and objects of {tracks.shape} do not belong together.")
        for number in np.unique(tracks[tracks > 0]):
            seen[video, int(number)] += 1
        for place, level in enumerate(levels):
            hit, wrong = _compare(scores >= level, tracks)
            false[place] += wrong
            for number in hit:
                found[video, number][place] += 1
    by_region = np.sum(list(found.values()), axis=0) / sum(seen.values())  # [thresholds]
    by_track = np.mean([found[key] >= TRACK_SHARE * seen[key] for key in regions], axis=0)  # [thresholds]
    alarms = false / len(frames)
    return DetectionCriteria(_area(alarms, by_region), _area(alarms, by_track))


def _levels(maps: Sequence[Map]) -> NDArray[np.float64]:
    low, high = min(float(m.min()) for m in maps), max(float(m.max()) for m in maps)
    return np.linspace(high, low, THRESHOLDS)


def _compare(shown: Mask, tracks: Tracks) -> tuple[set[int], int]:
    """True objects of a frame that some found region overlaps enough, and how many found regions hit none."""
    labelled, count = label(shown, structure=_EIGHT)
    if not count:
        return set(), 0
    numbers, inverse = np.unique(tracks, return_inverse=True)  # [n], [H, W]
    shared = np.zeros((count + 1, len(numbers)), np.int64)  # pixels by found region and object
    np.add.at(shared, (labelled.ravel(), inverse.ravel()), 1)
    found, true = shared.sum(1), shared.sum(0)
    overlap = shared / np.maximum(found[:, None] + true[None] - shared, 1)  # [count + 1, n]
    enough = (overlap >= OVERLAP)[1:, numbers > 0]
    return {int(n) for n in numbers[numbers > 0][enough.any(axis=0)]}, int((~enough.any(axis=1)).sum())


def _area(alarms: NDArray[np.float64], rate: NDArray[np.float64]) -> float:
    """Under the best rate reached with at most so many false positives a frame, from 0 to 1 of them."""
    order = np.argsort(alarms, kind="stable")
    x, y = alarms[order], np.maximum.accumulate(rate[order])
    inside = x <= 1
    edges = np.append(x[inside], 1.0)
    return float((np.diff(edges) * y[inside]).sum())
