"""Readers of the four image sets, as published: Cityscapes, refCOCO and its kin, ADE20K, Mapillary Vistas 2."""

import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.segmented_sets import SegmentedSet, Word, read_json, read_numbers

CITYSCAPES = {  # the eight classes of things, by label id
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip
ADE_BACKGROUND = frozenset(  # what fills a picture rather than stands in it
    {
        "wall", "building", "sky", "floor", "tree", "ceiling", "road", "grass", "sidewalk", "earth", "mountain",
        "water", "sea", "field", "sand", "river", "hill", "path", "land", "dirt track",
    }
)  # fmt: skip
REFERRING = {"refclef": "unc", "refcoco": "unc", "refcoco+": "unc", "refcocog": "umd"}  # set -> whose split


def cityscapes(root: Path) -> SegmentedSet:
    """``leftImg8bit/train/CITY/*_leftImg8bit.png`` and ``gtFine/train/CITY/*_gtFine_labelIds.png``."""
    images = sorted((root / "leftImg8bit" / "train").glob("*/*_leftImg8bit.png"))
    labels = {
        image: root / "gtFine" / "train" / image.parent.name / image.name.replace("_leftImg8bit", "_gtFine_labelIds")
        for image in images
    }
    return _numbered_set("Cityscapes", labels, CITYSCAPES, longest_list=6)


def ade20k(root: Path) -> SegmentedSet:
    """Scene parsing: ``images/training/*.jpg``, ``annotations/training/*.png``, ``objectInfo150.txt``."""
    images = sorted((root / "images" / "training").glob("*.jpg"))
    labels = {image: root / "annotations" / "training" / f"{image.stem}.png" for image in images}
    table = root / "objectInfo150.txt"
    if not table.is_file():
        raise ConfigurationError(f"{table} is not there. Is ADE20K unpacked as published for scene parsing?")
    names = {}
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        names[int(cells[0])] = cells[-1].split(",")[0].strip()  # the first of several names
    things = {number: name for number, name in names.items() if name not in ADE_BACKGROUND}
    return _numbered_set("ADE20K", labels, things, longest_list=30)


def mapillary(root: Path) -> SegmentedSet:
    """``training/images/*.jpg``, ``training/v2.0/labels/*.png`` and ``config_v2.0.json``; classes of instances."""
    images = sorted((root / "training" / "images").glob("*.jpg"))
    labels = {image: root / "training" / "v2.0" / "labels" / f"{image.stem}.png" for image in images}
    listed = read_json(root / "config_v2.0.json")["labels"]
    things = {place: one["readable"].lower() for place, one in enumerate(listed) if one["instances"]}
    return _numbered_set("Mapillary Vistas 2", labels, things, longest_list=20)


def referring(root: Path, name: str) -> SegmentedSet:
    """``NAME/refs(SPLIT).p``, ``NAME/instances.json``, images under ``images``; one of ``REFERRING``.

    Raises:
        ConfigurationError: when there is no such set, files are missing, or the pickle holds anything but plain data.
    """
    if name not in REFERRING:
        raise ConfigurationError(f"There is no {name!r} among {', '.join(REFERRING)}.")
    instances = read_json(root / name / "instances.json")
    annotations = {one["id"]: one for one in instances["annotations"]}
    pictures = {one["id"]: one for one in instances["images"]}
    clips, segments, sizes = [], {}, {}
    for ref in read_plain_pickle(root / name / f"refs({REFERRING[name]}).p"):
        if ref["split"] != "train":
            continue
        key, picture = str(ref["ann_id"]), pictures[ref["image_id"]]
        segments[key] = annotations[ref["ann_id"]]["segmentation"]
        sizes[key] = (int(picture["height"]), int(picture["width"]))
        texts = dict.fromkeys(str(sentence["sent"]) for sentence in ref["sentences"])
        clips.append(([root / "images" / str(picture["file_name"])], [Word(text, (key,)) for text in texts]))

    def read_mask(_image: Path, _place: int, keys: set[str]) -> NDArray[np.bool_]:
        shown = [_decode_mask(segments[key], *sizes[key]) for key in sorted(keys)]
        return np.asarray(np.logical_or.reduce(shown), bool)

    return SegmentedSet(name, clips, read_mask, longest_list=30)


class _PlainData(pickle.Unpickler):
    """Numbers, texts, lists and dictionaries; whatever would run code is refused."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Always refuses."""
        raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")


def read_plain_pickle(file: Path) -> Any:  # noqa: ANN401  (plain data of any kind)
    """What a pickle of plain data holds.

    Raises:
        ConfigurationError: when it cannot be read, or holds anything else.
    """
    try:
        with file.open("rb") as opened:
            return _PlainData(opened, encoding="latin1").load()
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, IndexError) as error:
        raise ConfigurationError(f"{file} cannot be read as plain data: {error}. Get it from its publisher.") from None


def _decode_mask(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:  # noqa: ANN401  (three forms of COCO)
    if isinstance(segmentation, list):
        runs = rle.merge(rle.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        runs = rle.frPyObjects(segmentation, height, width)
    else:
        runs = segmentation
    return np.asarray(rle.decode(runs), bool)


def _numbered_set(
    name: str, labels: Mapping[Path, Path], things: Mapping[int, str], *, longest_list: int
) -> SegmentedSet:
    """All label images are looked through once, for the classes that are there."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for number, text in things.items():
        numbers[text].append(str(number))
    clips: list[tuple[Sequence[Path], Sequence[Word]]] = []
    for image, label in labels.items():
        if not label.is_file():
            raise ConfigurationError(f"{image} has no labels {label}. Is {name} unpacked as published?")
        present = {things[int(n)] for n in np.unique(read_numbers(label)) if int(n) in things}
        clips.append(([image], [Word(text, tuple(numbers[text])) for text in sorted(present)]))

    def read_mask(image: Path, _place: int, keys: set[str]) -> NDArray[np.bool_]:
        return np.isin(read_numbers(labels[image]), [int(key) for key in keys])

    return SegmentedSet(name, clips, read_mask, longest_list=longest_list, classes=tuple(numbers))
