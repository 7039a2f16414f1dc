"""Label formats of the public benchmarks that give one value, or one mask, a frame; ``span_lists.py`` has the others.

===============  ============================================================================================
C-ShanghaiTech,  HDF5, one file a class, ``[m_]<data set>_<class>_label.h5``, one data set a video of one 0/1 a frame;
C-Avenue         ``m_`` files: videos that show several classes, judged by one rule with all their texts
.npy             one ``<video>.npy`` of 0/1 or pixel masks a video, or one file of 0/1 for all videos in order of name
Avenue           ``testing_label_mask/<n>_label.mat`` with ``volLabel``, one mask a frame
MANIFEST.csv     columns file, anomaly_class, frame_label_file; one 0/1 a line
===============  ============================================================================================
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.arrays import (
    Array,
    count_frames,
    frame_vector,
    read_array,
    read_hdf5,
    read_volume,
)
from anyanomaly_core.evaluation.labels.csv_tables import CsvRow, read_rows, read_text
from anyanomaly_core.evaluation.labels.footage_names import FootageTree
from anyanomaly_core.evaluation.labels.frame_folders import natural_sort_key
from anyanomaly_core.evaluation.labels.ground_truth import (
    ANOMALY,
    FrameLabels,
    LabelledArchive,
    LabelledVideo,
    PixelTruth,
    labels_from_vector,
    readable_name,
)
from anyanomaly_core.evaluation.labels.image_numbers import align_to_images

AVENUE_MASKS = "*_label.mat"
_CLASS_FILE = re.compile(r"(?P<multi>m_)?(?P<data>[^_]+)_(?:(?P<name>.+)_)?label$")
_AVENUE_FILE = re.compile(r"(\d+)_label$")


def read_cvad(footage: FootageTree, labels: Path) -> LabelledArchive:
    """C-ShanghaiTech and C-Avenue: a folder of class files, or one file."""
    texts: dict[str, tuple[str, ...]] = {}
    by_video: dict[str, dict[str, FrameLabels]] = {}
    data = set()
    for file in sorted(labels.glob("*.h5")) if labels.is_dir() else [labels]:
        parts = _CLASS_FILE.match(file.stem)
        if parts is None:
            raise ConfigurationError(f"{file} is not called <data set>_<class>_label.h5.")
        name = parts["name"] or ANOMALY
        data.add(parts["data"])
        texts[name] = () if name == ANOMALY else tuple(readable_name(piece) for piece in name.split("-"))
        for video, vector in read_hdf5(file):
            shown = _align(vector, f"{file}, {video}", footage.with_title(video))
            by_video.setdefault(video, {})[name] = shown
    if len(data) > 1:
        raise ConfigurationError(f"{labels} holds labels of {', '.join(sorted(data))}: evaluate one of them at a time.")
    paths = {name: footage.with_title(name) for name in by_video}
    return _archive("-".join(data), texts, footage, by_video, paths, scored_everywhere=False)


def read_npy(footage: FootageTree, labels: Path) -> LabelledArchive:
    """A folder of ``<video>.npy``, or one file for all videos of the footage in order of name."""
    name = footage.root.resolve().name
    if not labels.is_dir():
        return LabelledArchive(name, {ANOMALY: ()}, tuple(_split(footage, labels)))
    paths = {file.stem: footage.with_title(file.stem) for file in sorted(labels.glob("*.npy"))}
    by_video = {}
    for video, path in paths.items():
        file = labels / f"{video}.npy"
        by_video[video] = {ANOMALY: _align(read_array(file), str(file), path)}
    return _archive(name, {ANOMALY: ()}, footage, by_video, paths)


def _split(footage: FootageTree, labels: Path) -> list[LabelledVideo]:
    """One vector for all videos: cut where they end."""
    every = frame_vector(read_array(labels), str(labels))
    if footage.paths != sorted(footage.paths, key=lambda path: natural_sort_key(footage.name(path))):
        raise ConfigurationError(
            f"{labels} labels all videos in order of name, and under {footage.root} that order is not the one of their "
            "numbers. Give the numbers leading zeros (01, 02 ...), or one .npy a video."
        )
    counts = [count_frames(path) for path in footage.paths]
    if sum(counts) != len(every):
        raise ConfigurationError(
            f"{labels} labels {len(every)} frames, the {len(counts)} videos under {footage.root} have {sum(counts)}."
        )
    parts = np.split(every, np.cumsum(counts)[:-1])
    return [
        LabelledVideo(footage.name(path), path, {ANOMALY: labels_from_vector(part)})
        for path, part in zip(footage.paths, parts, strict=True)
    ]


def read_avenue(footage: FootageTree, labels: Path) -> LabelledArchive:
    """Avenue's own masks: the folder of ``1_label.mat`` ..., the folder above it, or one of them."""
    folder = avenue_folder(labels)
    files = (
        [labels] if folder is None else sorted(folder.glob(AVENUE_MASKS), key=lambda file: natural_sort_key(file.name))
    )
    by_video, paths, pixels = {}, {}, {}
    for file in files:
        number = _AVENUE_FILE.match(file.stem)
        if number is None:
            raise ConfigurationError(
                f"{file} is not called <number of the video>_label.mat, as Avenue's own masks are. Of other MATLAB "
                "files make one .npy a video, or use C-Avenue's *_label.h5."
            )
        video = f"{int(number[1]):02d}"
        paths[video] = footage.with_title(video) or footage.with_title(str(int(number[1])))
        by_video[video] = {ANOMALY: _align(read_volume(file), str(file), paths[video])}
        pixels[video] = file
    found = _archive("Avenue", {ANOMALY: ()}, footage, by_video, paths)
    videos = (replace(own, pixels=PixelTruth("volume", pixels[own.name], own.path)) for own in found.videos)
    return replace(found, videos=tuple(videos))


def avenue_folder(folder: Path) -> Path | None:
    """Where Avenue's masks lie, when ``folder`` is theirs or one above."""
    inner = ("", "testing_label_mask", "ground_truth_demo/testing_label_mask")
    return next((folder / name for name in inner if any((folder / name).glob(AVENUE_MASKS))), None)


def read_manifest(footage: FootageTree, labels: Path) -> LabelledArchive:
    """``MANIFEST.csv`` beside the footage; a video that shows several classes is judged by one rule with all."""
    videos, missing, texts = [], [], {}
    normal: list[tuple[str, Path, FrameLabels]] = []
    for row in read_rows(labels, "file", "anomaly_class", "frame_label_file"):
        name, path = row["file"], footage.at_path(row["file"])
        if path is None:
            missing.append(name)
            continue
        shown = align_to_images(_read_list(row), path)
        wordings = _wordings(row["anomaly_class"])
        if wordings == ("normal",):
            normal.append((name, path, shown))
            continue
        label = "+".join(wordings)
        texts[label] = wordings
        videos.append(LabelledVideo(name, path, {label: shown}))
    videos += [LabelledVideo(name, path, dict.fromkeys(texts, shown)) for name, path, shown in normal]
    return LabelledArchive(
        labels.resolve().parent.name,
        texts,
        tuple(videos),
        missing=tuple(missing),
        unlabelled=footage.unused(video.path for video in videos),
    )


def _read_list(row: CsvRow) -> FrameLabels:
    """Labels of a text file with one value a line."""
    file = row.file.parent / row["frame_label_file"]
    if not file.is_file():
        raise row.error(f"the label file {file} is not there")
    values = read_text(file).split()
    try:
        numbers = [int(value) for value in values]
    except ValueError:
        raise ConfigurationError(f"{file} may hold 0, 1 or -1 only, one a line.") from None
    return labels_from_vector(frame_vector(numbers, str(file)))


def _wordings(stated: str) -> tuple[str, ...]:
    """``bicycle + stroller (12_0142), cargo tricycle = C-ShT "car"`` -> bicycle, stroller, cargo tricycle."""
    plain = re.sub(r"\([^)]*\)|=[^,;+]*", " ", stated)
    return tuple(dict.fromkeys(filter(None, (readable_name(piece) for piece in re.split(r"[,;+]", plain)))))


def _align(array: Array, source: str, path: Path | None) -> FrameLabels:
    shown = labels_from_vector(frame_vector(array, source, path))
    return shown if path is None else align_to_images(shown, path)


def _archive(
    name: str,
    texts: dict[str, tuple[str, ...]],
    footage: FootageTree,
    by_video: dict[str, dict[str, FrameLabels]],
    paths: Mapping[str, Path | None],
    *,
    scored_everywhere: bool = True,
) -> LabelledArchive:
    videos = [LabelledVideo(video, path, by_video[video]) for video, path in paths.items() if path is not None]
    return LabelledArchive(
        name,
        texts,
        tuple(videos),
        scored_everywhere=scored_everywhere,
        missing=tuple(video for video, path in paths.items() if path is None),
        unlabelled=footage.unused(video.path for video in videos),
    )
