"""What a labelled archive says: which frames of which video show which class, and what is not labelled at all."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import ConfigurationError

UNLABELLED = -1
ANOMALY = "anomaly"  # the class where labels only say that something is abnormal
FrameRange = tuple[int, int]  # first and last frame, from 0, both included
LabelArray = NDArray[np.int8]  # [F] 1: shows the class, 0: does not, UNLABELLED: nobody said


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """Labels of one video for one class."""

    positive: tuple[FrameRange, ...] = ()
    frames: int | None = None  # how many frames are labelled, from the first on; None: however many the video has
    unlabelled: tuple[FrameRange, ...] = ()  # gaps
    absent: int = 0  # labelled frames that are lost in the middle of a folder of images: spans count what is there

    def array(self, frame_count: int) -> LabelArray:
        """Labels [F] of a video of F decoded frames; frames past the labels' end are UNLABELLED."""
        labels = np.full(frame_count, UNLABELLED, np.int8)
        labels[: frame_count if self.frames is None else self.frames] = 0
        for value, spans in ((1, self.positive), (UNLABELLED, self.unlabelled)):
            for first, last in spans:
                labels[first : last + 1] = value
        return labels

    @property
    def least_frames(self) -> int:
        """How many frames the labels are about; more, where they do not say how long the video is."""
        return max([self.frames or 0, *(last + 1 for _, last in self.positive)])

    def count_beyond(self, frame_count: int) -> int:
        """Labelled frames that the video does not have."""
        return self.absent + max(0, self.least_frames - frame_count)


@dataclass(frozen=True, slots=True)
class PixelTruth:
    """Where the masks of one video lie; ``pixel_truth.py`` reads them."""

    kind: Literal["images", "volume", "lines"]
    path: Path  # a folder of images, a MATLAB file, or lines of JSON
    footage: Path  # the video, or its folder of frames


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """A video, or a folder of frames, and what is known about it."""

    name: str  # as the labels call it
    path: Path  # a video file, or a folder of images
    labels: dict[str, FrameLabels]  # by class; a class that is absent here is unlabelled in the whole video
    anomaly: FrameLabels | None = None  # where something abnormal is shown, whatever it is; None: by the classes
    pixels: PixelTruth | None = None  # where in the picture; None: nobody said

    @property
    def abnormal(self) -> FrameLabels:
        """Frames that show any of the classes."""
        return union_of(self.labels.values()) if self.anomaly is None else self.anomaly


@dataclass(frozen=True, slots=True)
class LabelledArchive:
    """Footage with labels, ready to evaluate."""

    name: str
    texts: dict[str, tuple[str, ...]]  # by class: what a rule would say; the best of several counts
    videos: tuple[LabelledVideo, ...]
    scored_everywhere: bool = True  # every class is scored in every video, so that "anything abnormal" can be measured
    missing: tuple[str, ...] = ()  # labelled, but their footage is not here
    unlabelled: tuple[str, ...] = ()  # footage under the root that no label names: left out
    assumed_normal: tuple[str, ...] = ()  # footage that no line names and that counts as normal: plain events alone

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the archive's own order."""
        return list(self.texts)

    def first(self, count: int) -> "LabelledArchive":
        """The same archive with its first ``count`` videos only."""
        return replace(self, videos=self.videos[:count])

    def only(self, classes: Sequence[str]) -> "LabelledArchive":
        """The same archive with some of its classes: what shows another one counts as not showing these.

        Raises:
            ConfigurationError: when it has no such class.
        """
        if unknown := [name for name in classes if name not in self.texts]:
            raise ConfigurationError(f"{self.name} has no class {unknown[0]!r}; it has {', '.join(self.texts)}.")
        texts = {name: texts for name, texts in self.texts.items() if name in classes}
        videos = [
            replace(video, labels={name: own for name, own in video.labels.items() if name in texts}, anomaly=None)
            for video in self.videos
        ]
        return replace(self, texts=texts, videos=tuple(video for video in videos if video.labels))

    def scored_classes(self, video: LabelledVideo) -> list[str]:
        """Classes that are scored in a video."""
        return [name for name in self.texts if self.scored_everywhere or name in video.labels]


def readable_name(name: str) -> str:
    """A class name as a person would write it: ``hand_truck`` -> hand truck, ``RoadAccidents`` -> road accidents."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[_-]+", " ", apart).lower().split())


def frame_ranges(labels: Sequence[int] | NDArray[np.generic]) -> tuple[FrameRange, ...]:
    """Runs of non-zero entries of a label vector [F]."""
    shown = np.concatenate(([0], (np.asarray(labels).ravel() != 0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(shown))
    return tuple((int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True))


def labels_from_vector(labels: Sequence[int] | NDArray[np.generic]) -> FrameLabels:
    """Labels from a vector [F] of 0, 1 and UNLABELLED."""
    values = np.asarray(labels).ravel()
    return FrameLabels(frame_ranges(values == 1), len(values), frame_ranges(values == UNLABELLED))


def union_of(parts: Iterable[FrameLabels]) -> FrameLabels:
    """What is abnormal in a video for any of several classes; unlabelled where no class is labelled."""
    known = list(parts)
    lengths = [part.frames for part in known]
    # A gap of one class is one of all: the frame may show just that class.
    return FrameLabels(
        tuple(span for part in known for span in part.positive),
        None if None in lengths or not known else min(length for length in lengths if length is not None),
        tuple(span for part in known for span in part.unlabelled),
    )
