"""UCF-Crime and XD-Violence: text files with one video a line and the frames where something happens in it.

UCF-Crime     ``<video>  <class>  start  end  start  end``, frames from 1, both ends included, -1 -1: none
XD-Violence   ``<video>_label_<codes> start end ...``, frames from 0, end not included; ``label_A``: normal
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.csv_tables import read_text
from anyanomaly_core.evaluation.labels.footage_names import FootageTree, title
from anyanomaly_core.evaluation.labels.ground_truth import (
    FrameLabels,
    FrameRange,
    LabelledArchive,
    LabelledVideo,
    readable_name,
)
from anyanomaly_core.evaluation.labels.image_numbers import require_all_images

NONE = (-1, -1)
NORMAL = "normal"
XD_CLASSES = {
    "B1": "fighting", "B2": "shooting", "B4": "riot", "B5": "abuse", "B6": "car accident", "G": "explosion",
}  # fmt: skip
XD_NORMAL = "label_A"


@dataclass(frozen=True, slots=True)
class _Line:
    file: Path
    number: int
    cells: list[str]

    def error(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.file} line {self.number}: {what}.")

    def pairs(self, first_cell: int) -> list[FrameRange]:
        """The numbers as they stand."""
        cells = self.cells[first_cell:]
        try:
            numbers = [int(cell) for cell in cells]
        except ValueError:
            raise self.error(f"{' '.join(cells)!r} should be frame numbers") from None
        if len(numbers) % 2:
            raise self.error(f"an odd count of frame numbers: {numbers}")
        return list(zip(numbers[::2], numbers[1::2], strict=True))


def read_ucf_crime(footage: FootageTree, labels: Path) -> LabelledArchive:
    """``Temporal_Anomaly_Annotation_for_Testing_Videos.txt``; a class is unlabelled in the videos of another one."""
    stated: dict[str, dict[str, list[FrameRange]]] = {}
    for line in _lines(labels):
        if not line.cells[1:]:
            raise line.error("a video, its class and frame numbers should stand here, with blanks between")
        kind = NORMAL if line.cells[1].lower() == NORMAL else line.cells[1]
        runs = [run for pair in line.pairs(2) if (run := _ucf_run(line, pair)) is not None]
        own = stated.setdefault(Path(line.cells[0]).stem, {})
        if (kind == NORMAL and runs) or (own and (kind == NORMAL) != (NORMAL in own)):
            raise line.error(f"{line.cells[0]} is Normal, and has frames that are not")
        own.setdefault(kind, []).extend(runs)
    classes = list(dict.fromkeys(kind for own in stated.values() for kind in own if kind != NORMAL))
    nothing = {name: FrameLabels() for name in classes}
    videos, missing = [], []
    for name, own in stated.items():
        path = footage.with_title(name)
        if path is None:
            missing.append(name)
            continue
        shown = {kind: require_all_images(FrameLabels(tuple(runs)), path) for kind, runs in own.items()}
        videos.append(LabelledVideo(name, path, nothing if NORMAL in own else shown))
    return LabelledArchive(
        "UCF-Crime",
        {name: (readable_name(name),) for name in classes},
        tuple(videos),
        missing=tuple(missing),
        unlabelled=footage.unused(video.path for video in videos),
    )


def _ucf_run(line: _Line, pair: FrameRange) -> FrameRange | None:
    """Frames from 0; None for -1 -1. The published file has no 0; a start of 0 can only mean the first frame."""
    if pair == NONE:
        return None
    first, last = max(pair[0], 1), pair[1]
    if pair[0] < 0 or last < first:
        raise line.error(f"the frames {pair[0]} to {pair[1]} are none; frames count from 1, -1 -1 stands for nothing")
    return first - 1, last - 1


def read_xd_violence(footage: FootageTree, labels: Path) -> LabelledArchive:
    """``annotations.txt``; what a video of several classes shows when is not stated, so it counts for "any" only.

    The normal test videos are not in the file. They lie in one folder with the others, ``test_videos``, and the
    training videos have the same names elsewhere: so only ``label_A`` beside a video of the file counts.
    """
    stated: dict[str, list[FrameRange]] = {}
    for line in _lines(labels):
        runs = [_xd_run(line, pair) for pair in line.pairs(1)]
        name = line.cells[0].removesuffix(".mp4")
        if bool(runs) == name.endswith(XD_NORMAL):
            raise line.error(f"{name} {'is normal and has violent frames' if runs else 'has no frame numbers'}")
        stated.setdefault(name, []).extend(runs)
    nothing = {name: FrameLabels() for name in XD_CLASSES.values()}
    videos, missing = [], []
    for name, spans in stated.items():
        path = footage.with_title(name)
        if path is None:
            missing.append(name)
            continue
        shown = require_all_images(FrameLabels(tuple(spans)), path)
        normal = name.endswith(XD_NORMAL)
        videos.append(LabelledVideo(name, path, nothing if normal else _xd_class(name, shown), anomaly=shown))
    normals = _normal_test_videos(footage, labels, [video.path for video in videos])
    videos += [LabelledVideo(title(path), path, nothing) for path in normals]
    texts: dict[str, tuple[str, ...]] = {name: (name,) for name in XD_CLASSES.values()}
    unlabelled = footage.unused(video.path for video in videos)
    return LabelledArchive("XD-Violence", texts, tuple(videos), missing=tuple(missing), unlabelled=unlabelled)


def _xd_run(line: _Line, pair: FrameRange) -> FrameRange:
    first, end = pair
    if first < 0 or end <= first:
        raise line.error(f"the frames {first} to {end} are none; frames count from 0, the end is not included")
    return first, end - 1


def _xd_class(name: str, shown: FrameLabels) -> dict[str, FrameLabels]:
    codes = [code for code in name.partition("label_")[2].split("-") if code in XD_CLASSES]
    return {XD_CLASSES[codes[0]]: shown} if len(codes) == 1 else {}


def _normal_test_videos(footage: FootageTree, labels: Path, found: list[Path]) -> list[Path]:
    """``label_A`` in the folders of the test videos that were found."""
    known, folders = set(found), {path.parent for path in found}
    beside = [path for path in footage.paths if path.parent in folders and path not in known]
    normals = [path for path in beside if title(path).endswith(XD_NORMAL)]
    violent = [path for path in beside if "label_" in title(path) and path not in normals]
    if normals and violent:
        raise ConfigurationError(
            f"{violent[0].parent} holds {len(violent)} violent videos that {labels} does not name, such as "
            f"{violent[0].name}: are training videos among them? Their normal ones could not be told from those of the "
            "test. Keep the test videos in a folder of their own."
        )
    return normals


def _lines(file: Path) -> Iterator[_Line]:
    """Lines with something in them; ``#`` begins a comment."""
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _Line(file, number, line.split())
