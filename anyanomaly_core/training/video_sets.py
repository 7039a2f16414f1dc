"""Readers of the four video sets, in their publishers' layouts: YouTube-VOS, Ref-YouTube-VOS, MeViS, Ref-DAVIS."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.segmented_sets import SegmentedSet, Word, read_json, read_numbers

K = 30
MEVIS_EXPRESSIONS = 8  # of a video that are used
_DAVIS_LINE = re.compile(r'^(?P<video>\S+)\s+(?P<object>\d+)\s+"(?P<text>.*)"\s*$')


def youtube_vos(root: Path) -> SegmentedSet:
    """``train/meta.json``, ``train/JPEGImages/VIDEO``, ``train/Annotations/VIDEO``; a word is an object's category."""
    train = root / "train"
    videos = read_json(train / "meta.json")["videos"]
    clips = [(_frames(train, video), _categories(body["objects"])) for video, body in sorted(videos.items())]
    classes = sorted({word.text for _, words in clips for word in words})
    return _palette("YouTube-VOS", train / "Annotations", clips, classes)


def ref_youtube_vos(root: Path) -> SegmentedSet:
    """As YouTube-VOS, with ``meta_expressions/train/meta_expressions.json``: an expression names one object."""
    videos = read_json(root / "meta_expressions" / "train" / "meta_expressions.json")["videos"]
    clips = []
    for video, body in sorted(videos.items()):
        words = [Word(one["exp"], (str(one["obj_id"]),)) for one in body["expressions"].values()]
        clips.append((_frames(root / "train", video, body.get("frames")), words))
    return _palette("Ref-YouTube-VOS", root / "train" / "Annotations", clips, ())


def ref_davis(root: Path) -> SegmentedSet:
    """``DAVIS/JPEGImages/480p``, ``DAVIS/Annotations/480p`` and ``davis_text_annotations/*_annot*.txt``."""
    texts = sorted((root / "davis_text_annotations").glob("*_annot*.txt"))
    if not texts:
        raise ConfigurationError(f"{root} holds no davis_text_annotations/*_annot*.txt. Is it unpacked as published?")
    clips = []
    for file in texts:
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            found = _DAVIS_LINE.match(line)
            if found is None and line.strip():
                raise ConfigurationError(f'{file}, line {number} is not VIDEO OBJECT "text": {line[:80]!r}.')
            if found is not None:
                images = sorted((root / "DAVIS" / "JPEGImages" / "480p" / found["video"]).glob("*.jpg"))
                clips.append((images, [Word(found["text"], (found["object"],))]))
    return _palette("Ref-DAVIS", root / "DAVIS" / "Annotations" / "480p", clips, ())


def mevis(root: Path) -> SegmentedSet:
    """``train/meta_expressions.json``, ``train/mask_dict.json`` (COCO run lengths), ``train/JPEGImages/VIDEO``."""
    train = root / "train"
    videos = read_json(train / "meta_expressions.json")["videos"]
    clips = []
    for video, body in sorted(videos.items()):
        stated = list(body["expressions"].values())[:MEVIS_EXPRESSIONS]
        words = [Word(one["exp"], tuple(str(number) for number in one["anno_id"])) for one in stated]
        clips.append((_frames(train, video, body.get("frames")), words))
    masks = read_json(train / "mask_dict.json")  # annotation -> COCO run lengths by frame, null where it is not seen

    def read_mask(_image: Path, place: int, keys: set[str]) -> NDArray[np.bool_]:
        found = [masks[key][place] for key in sorted(keys) if place < len(masks[key])]
        shown = [np.asarray(rle.decode(one), bool) for one in found if one is not None]
        return np.asarray(np.logical_or.reduce(shown) if shown else np.zeros((1, 1)), bool)

    return SegmentedSet("MeViS", clips, read_mask, longest_list=K)


def _palette(
    name: str, annotations: Path, clips: Sequence[tuple[Sequence[Path], Sequence[Word]]], classes: Sequence[str]
) -> SegmentedSet:
    """One PNG a frame whose palette index is the object's number, named as the frame."""

    def read_mask(image: Path, _place: int, keys: set[str]) -> NDArray[np.bool_]:
        file = annotations / image.parent.name / f"{image.stem}.png"
        return np.isin(read_numbers(file), [int(key) for key in keys])

    return SegmentedSet(name, clips, read_mask, longest_list=K, classes=classes)


def _frames(train: Path, video: str, names: Sequence[str] | None = None) -> list[Path]:
    folder = train / "JPEGImages" / video
    return sorted(folder.glob("*.jpg")) if names is None else [folder / f"{name}.jpg" for name in names]


def _categories(objects: Mapping[str, Mapping[str, str]]) -> list[Word]:
    by_category: dict[str, list[str]] = {}
    for key, body in objects.items():
        by_category.setdefault(body["category"].replace("_", " "), []).append(key)
    return [Word(category, tuple(keys)) for category, keys in sorted(by_category.items())]
