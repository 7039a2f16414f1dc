"""Labels of a complete clip on a folder of images in which some are lost: paired by the numbers in the names."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.frame_folders import frame_files, frame_numbers
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED, FrameLabels, labels_from_vector

FIRST = (0, 1)  # numbers that a complete clip begins with


def align_to_images(labels: FrameLabels, path: Path) -> FrameLabels:
    """Labels that say how many frames the clip has; a file, or a folder without a gap, needs no fitting.

    Raises:
        ConfigurationError: when the images have gaps and the labels fit neither them nor the clip with the gaps filled.
    """
    numbers = _numbers(path)
    if numbers is None or labels.frames == len(numbers) or _complete(numbers):
        return labels
    if labels.frames == numbers[-1] - numbers[0] + 1:
        return select_frames(labels, [number - numbers[0] for number in numbers])
    raise ConfigurationError(
        f"{path} has {len(numbers)} images, {_gap(numbers)}, and its labels are for {labels.frames} frames: which "
        "image is which frame cannot be told. Add the lost images, or number them from 1 without gaps."
    )


def require_all_images(labels: FrameLabels, path: Path) -> FrameLabels:
    """Labels that do not say how long the clip is: only a folder that begins at its start and has no gap will do.

    Raises:
        ConfigurationError: for any other.
    """
    numbers = _numbers(path)
    if numbers is None or _complete(numbers):
        return labels
    raise ConfigurationError(
        f"{path} has {len(numbers)} images, {_gap(numbers)}; the labels count every frame of the clip. "
        "Use the video file, or a folder with all its frames numbered from 1."
    )


def align_from_one(labels: FrameLabels, folder: Path) -> FrameLabels:
    """Labels in frames of the complete clip, whose images are numbered from 1 (or 0): UCSD.

    Raises:
        ConfigurationError: when the first number is another one.
    """
    files = frame_files(folder)
    numbers = frame_numbers(files)
    if numbers is None:
        return replace(labels, frames=len(files))
    if numbers[0] not in FIRST:
        raise ConfigurationError(
            f"{folder} begins with image {numbers[0]}, a clip with 1: which image is which frame cannot be told. "
            "Add the lost images, or number them from 1."
        )
    if _complete(numbers):
        return replace(labels, frames=len(files))
    return select_frames(labels, [number - numbers[0] for number in numbers])


def pair_masks(masks: Path, folder: Path) -> tuple[list[int | None], int]:
    """For each image of ``folder`` the position of its mask or None, and how many masks have no image.

    Raises:
        ConfigurationError: when they cannot be paired.
    """
    own, others = frame_files(folder), frame_files(masks)
    numbers, known = frame_numbers(own), frame_numbers(others)
    if numbers is None or known is None:
        if len(own) != len(others):
            raise ConfigurationError(
                f"{folder} has {len(own)} images and {masks} {len(others)}, and their names do not number them one by "
                "one: which mask belongs to which image cannot be told. Number both, or add what is lost."
            )
        return list(range(len(own))), 0
    one_begins_with_0 = (numbers[0] == 0) != (known[0] == 0)
    if one_begins_with_0 or (numbers[0] != known[0] and numbers[-1] != known[-1]):
        raise ConfigurationError(
            f"{folder} has the images {numbers[0]} to {numbers[-1]}, {masks} the masks {known[0]} to {known[-1]}: they "
            "do not seem to be numbered alike. Number them so that image and mask of a frame have the same number."
        )
    places = {number: place for place, number in enumerate(known)}
    return [places.get(number) for number in numbers], len(set(known) - set(numbers))


def select_frames(labels: FrameLabels, places: Sequence[int]) -> FrameLabels:
    """Labels of the frames at ``places`` of the clip only."""
    ends = [last + 1 for _, last in labels.positive]
    size = max([places[-1] + 1, labels.frames or 0, *ends])
    clip = labels.array(size)
    lost = np.ones(size, np.bool_)
    lost[list(places)] = False
    # Of a clip of unknown length only the frames that show something are known to be labelled.
    stated = clip == 1 if labels.frames is None else clip != UNLABELLED
    return replace(labels_from_vector(clip[list(places)]), absent=int((lost & stated).sum()))


def _numbers(path: Path) -> list[int] | None:
    return frame_numbers(frame_files(path)) if path.is_dir() else None


def _complete(numbers: list[int]) -> bool:
    return numbers[0] in FIRST and numbers[-1] - numbers[0] + 1 == len(numbers)


def _gap(numbers: list[int]) -> str:
    """Where the first gap is, in words."""
    for first, second in pairwise(numbers):
        if second != first + 1:
            return f"none numbered between {first} and {second}"
    return f"numbered from {numbers[0]}"
