"""Tracking of boxes: a face that is detected in one frame is blurred in the frames around it too.

Detectors lose a face for some frames and find it again. Boxes that follow each other closely form a track. Frames
between two boxes of a track get interpolated boxes. Some frames before its first box and after its last one get
extrapolated boxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.review.blurring.detector import Boxes

MARGIN = 0.35  # of its width and height, added to a box on each side: hair and ears
_UNSEEN_MARGIN = 0.6  # where nothing was detected: the face may have moved
_REACH, _REACH_PER_S = 1.5, 8.0  # box sides that a face may move until it is detected again; walking moves it nine
_SPEED_BOXES = 6  # of a track, over which its speed is measured


@dataclass(slots=True)
class _Track:
    frames: list[int]
    boxes: list[Boxes]  # each [4]

    def extrapolate(self, frames: int, *, at_end: bool) -> list[Boxes]:
        """The last or first box, and that box moved on by so many frames at the track's speed there."""
        ends = [-1, -min(len(self.boxes), _SPEED_BOXES)] if at_end else [0, min(len(self.boxes), _SPEED_BOXES) - 1]
        box, other = (self.boxes[end] for end in ends)
        between = abs(self.frames[ends[0]] - self.frames[ends[1]])
        if between == 0:
            return [box]
        shift = (box[:2] + box[2:] - other[:2] - other[2:]) / 2 * (frames / between)
        return [box, box + np.concatenate([shift, shift])]

    def interpolate(self, place: int) -> list[tuple[int, Boxes]]:
        """Frames between two boxes, with the boxes of steady motion."""
        first, last = self.frames[place], self.frames[place + 1]
        step = (self.boxes[place + 1] - self.boxes[place]) / (last - first)
        return [(number, self.boxes[place] + step * (number - first)) for number in range(first + 1, last)]


def track_boxes(detections: Mapping[int, Boxes], frame_count: int, hold: int, rate: float) -> list[Boxes]:
    """Boxes to blur in each of ``frame_count`` frames, enlarged: detected, interpolated or extrapolated.

    Args:
        detections: boxes [n, 4] of each frame that was examined.
        frame_count: of the clip.
        hold: frames for which a face is blurred before it is first detected and after it is last detected. Two boxes
            of one face may be twice as far apart.
        rate: frames per second.
    """
    frames: list[list[Boxes]] = [[] for _ in range(frame_count)]
    for track in _tracks(detections, 2 * hold, rate):
        first, last = track.frames[0], track.frames[-1]
        for number in range(max(0, first - hold), first):
            frames[number] += [enlarge(box, _UNSEEN_MARGIN) for box in track.extrapolate(first - number, at_end=False)]
        for number in range(last + 1, min(frame_count, last + hold + 1)):
            frames[number] += [enlarge(box, _UNSEEN_MARGIN) for box in track.extrapolate(number - last, at_end=True)]
        for number, box in zip(track.frames, track.boxes, strict=True):
            frames[number].append(enlarge(box, MARGIN))
        for place in range(len(track.frames) - 1):
            for number, box in track.interpolate(place):
                frames[number].append(enlarge(box, _UNSEEN_MARGIN))
    return [np.array(boxes, np.float64).reshape(-1, 4) for boxes in frames]


def enlarge(boxes: Boxes, margin: float) -> Boxes:
    """Boxes [..., 4] with ``margin`` of their sides added on each side."""
    sides = (boxes[..., 2:] - boxes[..., :2]) * margin
    return np.concatenate([boxes[..., :2] - sides, boxes[..., 2:] + sides], axis=-1)


def _tracks(detections: Mapping[int, Boxes], gap: int, rate: float) -> list[_Track]:
    finished: list[_Track] = []
    active: list[_Track] = []
    for number in sorted(detections):
        finished += [track for track in active if number - track.frames[-1] > gap]
        active = [track for track in active if number - track.frames[-1] <= gap]
        new = list(detections[number])
        pairs = sorted(
            (distance, t, n)
            for t, track in enumerate(active)
            for n, box in enumerate(new)
            if (distance := _distance(track.boxes[-1], box)) <= _reach(number - track.frames[-1], rate)
        )
        taken_tracks: set[int] = set()
        taken_boxes: set[int] = set()
        for _, t, n in pairs:  # nearest first
            if t not in taken_tracks and n not in taken_boxes:
                taken_tracks.add(t)
                taken_boxes.add(n)
                active[t].frames.append(number)
                active[t].boxes.append(new[n])
        active += [_Track([number], [box]) for n, box in enumerate(new) if n not in taken_boxes]
    return finished + active


def _reach(frames: int, rate: float) -> float:
    return _REACH + _REACH_PER_S * frames / rate


def _distance(one: Boxes, other: Boxes) -> float:
    """Between the centres of two boxes [4], in sides of the larger."""
    side = max(np.max(one[2:] - one[:2]), np.max(other[2:] - other[:2]), 1e-9)
    return float(np.linalg.norm((one[:2] + one[2:] - other[:2] - other[2:]) / 2) / side)
