"""Which pixels show a class, frame by frame: masks of the public benchmarks, and those of the plain layout.

=======  ======================================================================================================
UCSD     ``Test001_gt``, one image a frame
Avenue   ``volLabel`` of ``<n>_label.mat``, one mask a frame
plain    ``masks/<video>.jsonl`` beside the tables, one line a frame: ``{"class": {"size": [H, W], "counts": "..."}}``
         with COCO's run lengths; a class that is not there is not shown, ``null`` is a frame of which nobody said
=======  ======================================================================================================
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.arrays import volume_masks
from anyanomaly_core.evaluation.labels.frame_folders import frame_files, image_pixels
from anyanomaly_core.evaluation.labels.ground_truth import PixelTruth
from anyanomaly_core.evaluation.labels.image_numbers import pair_masks

Objects = NDArray[np.int32]  # [H, W] 0: nothing, else the number of the object that is here
Mask = NDArray[np.bool_]  # [H, W]
_EIGHT = np.ones((3, 3), np.int8)  # neighbours of a pixel, corners included


def objects(truth: PixelTruth, classes: Collection[str]) -> Iterator[Objects | None]:
    """Objects of each frame of a video in order; None: nobody said.

    Benchmarks mark pixels, not objects: a connected region is one, and has the number of the region of the frame
    before that it covers most. The plain layout's classes are one object each.

    Args:
        truth: where the masks lie.
        classes: those that count; benchmarks know one class only.

    Raises:
        ConfigurationError: when a mask cannot be read.
    """
    if truth.kind == "lines":
        return _of_lines(truth.path, classes)
    return link_regions(
        _images(truth.path, truth.footage) if truth.kind == "images" else iter(volume_masks(truth.path))
    )


def link_regions(masks: Iterable[Mask | None]) -> Iterator[Objects | None]:
    """Connected regions, each with the number of the region of the frame before that it covers most of."""
    before: Objects | None = None
    used = 0
    for mask in masks:
        if mask is None:
            before = None
            yield None
            continue
        regions, count = label(mask, structure=_EIGHT)
        found = np.zeros(mask.shape, np.int32)
        taken: set[int] = set()
        for region in sorted(range(1, count + 1), key=lambda number: -int((regions == number).sum())):
            here = regions == region
            under = np.bincount(before[here]) if before is not None and before.shape == mask.shape else np.zeros(1)
            under[0] = 0
            under[[number for number in taken if number < len(under)]] = 0
            number = int(under.argmax()) if under.any() else 0
            if not number:
                used += 1
                number = used
            taken.add(number)
            found[here] = number
        before = found
        yield found


def mask_line(masks: dict[str, Mask]) -> str:
    """A line of the plain layout."""
    from pycocotools import mask as coco  # noqa: PLC0415  # needs a tenth of a second

    encoded: dict[str, Any] = {}
    for name, mask in masks.items():
        lengths = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        encoded[name] = {"size": lengths["size"], "counts": lengths["counts"].decode("ascii")}
    return json.dumps(encoded) + "\n"


def _of_lines(path: Path, classes: Collection[str]) -> Iterator[Objects | None]:
    from pycocotools import mask as coco  # noqa: PLC0415

    with path.open(encoding="utf-8") as file:
        shape: tuple[int, int] | None = None
        numbers = {name: number for number, name in enumerate(sorted(classes), start=1)}
        for place, line in enumerate(file, start=1):
            try:
                masks = json.loads(line)
                if masks is None:
                    yield None
                    continue
                decoded = {name: np.asarray(coco.decode(masks[name]), bool) for name in masks}
                shape = next((mask.shape for mask in decoded.values()), shape)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ConfigurationError(f"{path} line {place} is no line of masks: {error}.") from None
            found = np.zeros(shape or (1, 1), np.int32)  # of one pixel, until a mask says how large
            for name, mask in decoded.items():
                if name in numbers:
                    found[mask] = numbers[name]
            yield found


def _images(masks: Path, folder: Path) -> Iterator[Mask | None]:
    files = frame_files(masks)
    for place in pair_masks(masks, folder)[0]:
        yield None if place is None else np.asarray(image_pixels(files[place]).any(axis=2))
