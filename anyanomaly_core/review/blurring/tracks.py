"""Boxes through time: a face that is found in one frame is covered in those around it too.

Detectors lose a face for some frames and find it again. Boxes that follow each other closely are one track. Between two
of its boxes both and all between them are covered; before its first and after its last box, some frames more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.review.blurring.detector import Boxes

MARGIN = 0.35  # of its width and height, added to a box on each side: hair and ears
_HELD_MARGIN = 0.6  # where nothing was found: the face may have moved
_REACH, _REACH_PER_S = 1.5, 8.0  # box sides that a face may move until it is found again; one who walks moves nine
_SPEED_BOXES = 6  # of a track, that its speed is taken from


@dataclass(slots=True)
class _Track:
    frames: list[int]
    boxes: list[Boxes]  # each [4]

    def around(self, frames: int, *, at_end: bool) -> list[Boxes]:
        """The last or first box, and where it would be so many frames later or earlier at its speed there."""
        ends = [-1, -min(len(self.boxes), _SPEED_BOXES)] if at_end else [0, min(len(self.boxes), _SPEED_BOXES) - 1]
        box, other = (self.boxes[end] for end in ends)
        between = abs(self.frames[ends[0]] - self.frames[ends[1]])
        if between == 0:
            return [box]
        shift = (box[:2] + box[2:] - other[:2] - other[2:]) / 2 * (frames / between)
        return [box, box + np.concatenate([shift, shift])]

    def between(self, place: int) -> list[tuple[int, Boxes]]:
        """Frames between two boxes, and where the face should be if it moved steadily."""
        first, last = self.frames[place], self.frames[place + 1]
        step = (self.boxes[place + 1] - self.boxes[place]) / (last - first)
        return [(number, self.boxes[place] + step * (number - first)) for number in range(first + 1, last)]


def covered(found: Mapping[int, Boxes], frame_count: int, hold: int, rate: float) -> list[Boxes]:
    """What to cover in each of ``frame_count`` frames: enlarged boxes, found or held.

    Args:
        found: boxes [n, 4] of each frame that was looked at.
        frame_count: of the clip.
        hold: frames for which a box stays before its face is first found and after it is last found; two boxes of one
            face may be twice as far apart.
        rate: frames per second.
    """
    frames: list[list[Boxes]] = [[] for _ in range(frame_count)]
    for track in _tracks(found, 2 * hold, rate):
        first, last = track.frames[0], track.frames[-1]
        for number in range(max(0, first - hold), first):
            frames[number] += [enlarged(box, _HELD_MARGIN) for box in track.around(first - number, at_end=False)]
        for number in range(last + 1, min(frame_count, last + hold + 1)):
            frames[number] += [enlarged(box, _HELD_MARGIN) for box in track.around(number - last, at_end=True)]
        for number, box in zip(track.frames, track.boxes, strict=True):
            frames[number].append(enlarged(box, MARGIN))
        for place in range(len(track.frames) - 1):
            for number, box in track.between(place):
                frames[number].append(enlarged(box, _HELD_MARGIN))
    return [np.array(boxes, np.float64).reshape(-1, 4) for boxes in frames]


def enlarged(boxes: Boxes, margin: float) -> Boxes:
    """Boxes [..., 4] with ``margin`` of their sides added on each side."""
    sides = (boxes[..., 2:] - boxes[..., :2]) * margin
    return np.concatenate([boxes[..., :2] - sides, boxes[..., 2:] + sides], axis=-1)


def _tracks(found: Mapping[int, Boxes], gap: int, rate: float) -> list[_Track]:
    ended: list[_Track] = []
    going: list[_Track] = []
    for number in sorted(found):
        ended += [track for track in going if number - track.frames[-1] > gap]
        going = [track for track in going if number - track.frames[-1] <= gap]
        new = list(found[number])
        pairs = sorted(
            (distance, t, n)
            for t, track in enumerate(going)
            for n, box in enumerate(new)
            if (distance := _distance(track.boxes[-1], box)) <= _reach(number - track.frames[-1], rate)
        )
        taken_tracks: set[int] = set()
        taken_boxes: set[int] = set()
        for _, t, n in pairs:  # nearest first
            if t not in taken_tracks and n not in taken_boxes:
                taken_tracks.add(t)
                taken_boxes.add(n)
                going[t].frames.append(number)
                going[t].boxes.append(new[n])
        going += [_Track([number], [box]) for n, box in enumerate(new) if n not in taken_boxes]
    return ended + going


def _reach(frames: int, rate: float) -> float:
    return _REACH + _REACH_PER_S * frames / rate


def _distance(one: Boxes, other: Boxes) -> float:
    """Between the middles of two boxes [4], in sides of the larger."""
    side = max(np.max(one[2:] - one[:2]), np.max(other[2:] - other[:2]), 1e-9)
    return float(np.linalg.norm((one[:2] + one[2:] - other[:2] - other[2:]) / 2) / side)
