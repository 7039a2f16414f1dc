"""Label formats of the public benchmarks. None of them says more than frames and class names; footage is looked up.

===============  ============================================================================================
C-ShanghaiTech,  HDF5, one file a class, ``[m_]<data set>_<class>_label.h5``, one data set a video of one 0/1 a frame;
C-Avenue         ``m_`` files: videos that show several classes, judged by one rule with all their texts
.npy             one ``<video>.npy`` of 0/1 a video, or one file for all videos in order of name
UCSD             ``Test/*.m`` with ``gt_frame = [60:152]`` (from 1), or ``Test<n>_gt`` folders of masks
UCF-Crime        ``<video>  <class>  start  end  start  end``, frames from 1, -1: none
XD-Violence      ``<video>_label_<codes> start end ...``, frames from 0, end not included; ``label_A``: normal
MANIFEST.csv     columns file, anomaly_class, frame_label_file; one 0/1 a line
===============  ============================================================================================
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.footage_names import Footage
from anyanomaly_core.evaluation.frame_folders import frame_files
from anyanomaly_core.evaluation.labels import FrameLabels, LabelledArchive, LabelledVideo, Span, dense
from anyanomaly_core.footage.index import index_frames

ANOMALY = "anomaly"  # where labels only say that something is abnormal
UCSD_TEXTS = ("bicycle", "skateboard", "car", "wheelchair", "cart")
XD_CLASSES = {
    "B1": "fighting", "B2": "shooting", "B4": "riot", "B5": "abuse", "B6": "car accident", "G": "explosion",
}  # fmt: skip
_CLASS_FILE = re.compile(r"(?P<multi>m_)?(?P<data>[^_]+)_(?:(?P<name>.+)_)?label$")


def words(name: str) -> str:
    """A class name as a person would write it: ``hand_truck`` -> hand truck, ``RoadAccidents`` -> road accidents."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[_-]+", " ", apart).lower().split())


def read_cvad(footage: Footage, labels: Path) -> LabelledArchive:
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
        texts[name] = () if name == ANOMALY else tuple(words(piece) for piece in name.split("-"))
        for video, vector in _hdf5_vectors(file):
            by_video.setdefault(video, {})[name] = dense(vector)
    if len(data) > 1:
        raise ConfigurationError(f"{labels} holds labels of {', '.join(sorted(data))}: evaluate one of them at a time.")
    videos, missing = _found(footage, by_video)
    return LabelledArchive("-".join(data), texts, videos, one_of_many=False, missing=missing)


def read_npy(footage: Footage, labels: Path) -> LabelledArchive:
    """A folder of ``<video>.npy``, or one file for all videos of the footage in order of name."""
    if labels.is_dir():
        by_video = {file.stem: {ANOMALY: dense(np.load(file))} for file in sorted(labels.glob("*.npy"))}
        videos, missing = _found(footage, by_video)
        return LabelledArchive(footage.root.resolve().name, {ANOMALY: ()}, videos, missing=missing)
    every = np.load(labels).ravel()
    counts = [_count(path) for path in footage.paths]
    if sum(counts) != len(every):
        raise ConfigurationError(
            f"{labels} labels {len(every)} frames, the {len(counts)} videos under {footage.root} have {sum(counts)}."
        )
    parts = np.split(every, np.cumsum(counts)[:-1])
    found = [
        LabelledVideo(path.relative_to(footage.root).as_posix(), path, {ANOMALY: dense(part)})
        for path, part in zip(footage.paths, parts, strict=True)
    ]
    return LabelledArchive(footage.root.resolve().name, {ANOMALY: ()}, tuple(found))


def read_ucsd(footage: Footage, labels: Path) -> LabelledArchive:
    """UCSD Ped1 or Ped2: the folder that holds ``Test``, or ``Test`` itself."""
    test = ucsd_test_folder(labels)
    if test is None:
        raise ConfigurationError(f"{labels} holds no folder Test with Test001 ... in it.")
    script = next(iter(sorted(test.glob("UCSD*.m"))), None)
    stated = [] if script is None else [*_matlab_ranges(script.read_text(encoding="utf-8", errors="replace"))]
    videos, missing = [], []
    for number, folder in enumerate(sorted(path for path in test.glob("Test???") if path.is_dir())):
        frames = len(frame_files(folder))
        masks = folder.with_name(f"{folder.name}_gt")
        if number < len(stated):
            shown = FrameLabels(stated[number], frames)
        elif masks.is_dir():
            shown = dense(np.array([np.asarray(Image.open(mask)).any() for mask in frame_files(masks)], np.int8))
        else:
            missing.append(folder.name)
            continue
        videos.append(LabelledVideo(folder.relative_to(footage.root).as_posix(), folder, {ANOMALY: shown}))
    name = "UCSD" if script is None else script.stem
    return LabelledArchive(name, {ANOMALY: UCSD_TEXTS}, tuple(videos), missing=tuple(missing))


def ucsd_test_folder(folder: Path) -> Path | None:
    """``Test`` with its clips, when ``folder`` is UCSD's."""
    for candidate in (folder, folder / "Test"):
        if candidate.is_dir() and any(path.is_dir() for path in candidate.glob("Test???")):
            return candidate
    return None


def read_ucf_crime(footage: Footage, labels: Path) -> LabelledArchive:
    """``Temporal_Anomaly_Annotation_for_Testing_Videos.txt``; a class is unlabelled in the videos of another one."""
    rows = [line.split() for line in labels.read_text(encoding="utf-8").splitlines() if line.strip()]
    classes = list(dict.fromkeys(row[1] for row in rows if row[1].lower() != "normal"))
    by_video = {}
    for name, kind, *numbers in rows:
        runs = tuple((first - 1, last - 1) for first, last in _pairs(map(int, numbers)) if first > 0)
        own = FrameLabels(runs)
        by_video[Path(name).stem] = {kind: own} if kind in classes else {label: FrameLabels() for label in classes}
    videos, missing = _found(footage, by_video)
    return LabelledArchive("UCF-Crime", {name: (words(name),) for name in classes}, videos, missing=missing)


def read_xd_violence(footage: Footage, labels: Path) -> LabelledArchive:
    """``annotations.txt``; what a video of several classes shows when is not stated, so it counts for "any" only."""
    videos, missing = [], []
    for line in labels.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        name, *numbers = line.split()
        shown = FrameLabels(tuple((first, last - 1) for first, last in _pairs(map(int, numbers)) if last > first))
        codes = [code for code in name.partition("label_")[2].removesuffix(".mp4").split("-") if code in XD_CLASSES]
        path = footage.called(name.removesuffix(".mp4"))
        if path is None:
            missing.append(name)
        else:
            own = {XD_CLASSES[codes[0]]: shown} if len(codes) == 1 else {}
            videos.append(LabelledVideo(name, path, own, anything=shown))
    normal = {name: FrameLabels() for name in XD_CLASSES.values()}
    videos += [LabelledVideo(path.stem, path, normal) for path in footage.paths if path.stem.endswith("label_A")]
    texts: dict[str, tuple[str, ...]] = {name: (name,) for name in XD_CLASSES.values()}
    return LabelledArchive("XD-Violence", texts, tuple(videos), missing=tuple(missing))


def read_manifest(footage: Footage, labels: Path) -> LabelledArchive:
    """``MANIFEST.csv`` beside the footage; a video that shows several classes is judged by one rule with all."""
    videos, missing, texts = [], [], {}
    normal: list[tuple[str, Path, FrameLabels]] = []
    with labels.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            path = footage.exact(row["file"])
            if path is None:
                missing.append(row["file"])
                continue
            shown = dense([int(line) for line in (labels.parent / row["frame_label_file"]).read_text().split()])
            wordings = _wordings(row["anomaly_class"])
            if wordings == ("normal",):
                normal.append((row["file"], path, shown))
                continue
            name = "+".join(wordings)
            texts[name] = wordings
            videos.append(LabelledVideo(row["file"], path, {name: shown}))
    videos += [LabelledVideo(name, path, dict.fromkeys(texts, shown)) for name, path, shown in normal]
    return LabelledArchive(labels.resolve().parent.name, texts, tuple(videos), missing=tuple(missing))


def _wordings(stated: str) -> tuple[str, ...]:
    """``bicycle + stroller (12_0142), cargo tricycle = C-ShT "car"`` -> bicycle, stroller, cargo tricycle."""
    plain = re.sub(r"\([^)]*\)|=[^,;+]*", " ", stated)
    return tuple(dict.fromkeys(filter(None, (words(piece) for piece in re.split(r"[,;+]", plain)))))


def _found(
    footage: Footage, by_video: dict[str, dict[str, FrameLabels]]
) -> tuple[tuple[LabelledVideo, ...], tuple[str, ...]]:
    paths = {name: footage.called(name) for name in by_video}
    videos = tuple(
        LabelledVideo(name, path, shown) for name, shown in by_video.items() if (path := paths[name]) is not None
    )
    return videos, tuple(name for name, path in paths.items() if path is None)


def _hdf5_vectors(file: Path) -> Iterator[tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]]:
    try:
        import h5py  # noqa: PLC0415  (only these labels need it)
    except ImportError:
        raise ConfigurationError(f"{file} is HDF5: `pip install h5py` to read it.") from None
    with h5py.File(file) as opened:
        for name in opened:
            yield name, opened[name][()]


def _pairs(numbers: Iterable[int]) -> Iterator[Span]:
    row = list(numbers)
    if len(row) % 2:
        raise ValueError(f"an odd count of frame numbers: {row}")
    yield from zip(row[::2], row[1::2], strict=True)


def _matlab_ranges(text: str) -> Iterator[tuple[Span, ...]]:
    """The runs of each ``gt_frame = [60:152, 160:170];``, from 0."""
    for inside in re.findall(r"gt_frame\s*=\s*\[([^\]]*)\]", text):
        yield tuple((int(first) - 1, int(last) - 1) for first, last in re.findall(r"(\d+)\s*:\s*(\d+)", inside))


def _count(path: Path) -> int:
    return len(frame_files(path)) if path.is_dir() else index_frames(path).frame_count
