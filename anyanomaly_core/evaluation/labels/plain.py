"""The plain layout: CSV tables beside the footage; docs/evaluation.md describes it."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.csv_tables import CsvRow, read_rows
from anyanomaly_core.evaluation.labels.footage_names import FootageTree
from anyanomaly_core.evaluation.labels.ground_truth import (
    UNLABELLED,
    FrameLabels,
    FrameRange,
    LabelledArchive,
    LabelledVideo,
    PixelTruth,
    labels_from_vector,
    readable_name,
)

MASKS = "masks"  # folder beside the tables
Texts = dict[str, tuple[str, ...]]
ByVideo = dict[str, dict[str, FrameLabels]]
SHOWN_NAMES = 12  # in a message
_CELLS = {"": UNLABELLED, "-1": UNLABELLED, "0": 0, "1": 1}


def read_plain(footage: FootageTree, labels: Path) -> LabelledArchive:
    """``classes.csv``, and ``frames.csv`` (one row a frame) or ``events.csv`` (one row a run of frames)."""
    texts = class_texts(labels / "classes.csv") if (labels / "classes.csv").exists() else {}
    frames, events = labels / "frames.csv", labels / "events.csv"
    if not frames.exists() and not events.exists():
        raise ConfigurationError(
            f"{labels} holds no labels: neither events.csv nor frames.csv, nor *.h5, *.npy, *_label.mat or "
            "Test/Test001. Say where they are with --labels; see docs/evaluation.md for the formats."
        )
    by_video = _frame_table(frames, footage) if frames.exists() else _event_table(events, footage, texts)
    names = list(dict.fromkeys(name for shown in by_video.values() for name in shown))
    paths = {name: footage.at_path(name) for name in by_video}
    found = [
        LabelledVideo(name, path, by_video[name], pixels=_pixels(labels, name, path))
        for name, path in paths.items()
        if path is not None
    ]
    texts = {name: texts.get(name, (readable_name(name),)) for name in (texts or names)}
    return LabelledArchive(
        footage.root.resolve().name,
        texts,
        tuple(found),
        missing=tuple(name for name, path in paths.items() if path is None),
        unlabelled=footage.unused(video.path for video in found),
        assumed_normal=() if frames.exists() else _normal_classes(events, footage),
    )


def _pixels(labels: Path, name: str, path: Path) -> PixelTruth | None:
    lines = labels / MASKS / f"{name}.jsonl"
    return PixelTruth("lines", lines, path) if lines.is_file() else None


def class_texts(path: Path) -> Texts:
    """``class,text``: several lines of a class are several texts."""
    texts: Texts = {}
    for row in read_rows(path, "class", "text"):
        texts[row["class"]] = (*texts.get(row["class"], ()), row["text"])
    return texts


def _normal_classes(events: Path, footage: FootageTree) -> tuple[str, ...]:
    """What counts as normal because no line names it; nothing where ``videos.csv`` says what is labelled."""
    if events.with_name("videos.csv").exists():
        return ()
    named = {_video(row, "video", footage) for row in read_rows(events, "video")}
    return tuple(name for name in footage.names() if name not in named)


def _frame_table(path: Path, footage: FootageTree) -> ByVideo:
    """``video,frame,<class>...`` with 1, 0 or nothing (unlabelled), in order; frames without a row are unlabelled."""
    cells: dict[str, dict[str, list[int]]] = {}
    for row in read_rows(path, "frame"):
        column = "video" if "video" in row.cells else "uri"
        name, number = _video(row, column, footage), row.number("frame")
        columns = cells.setdefault(name, {label: [] for label in row.cells if label not in {column, "frame"}})
        for label, known in columns.items():
            if len(known) > number:
                raise row.error(f"frame {number} of {name} is not in order")
            if row.cells[label] not in _CELLS:
                raise row.error(f"{label} is {row.cells[label]!r}, and may be 1, 0 or nothing")
            known.extend([UNLABELLED] * (number - len(known)))
            known.append(_CELLS[row.cells[label]])
    return {name: _frame_labels(columns) for name, columns in cells.items()}


def _frame_labels(columns: dict[str, list[int]]) -> dict[str, FrameLabels]:
    return {
        label: labels_from_vector(cells)
        for label, cells in columns.items()
        if any(value != UNLABELLED for value in cells)
    }


def _event_table(path: Path, footage: FootageTree, texts: Texts) -> ByVideo:
    """``video,class,first_frame,last_frame``; videos without a row show nothing. ``videos.csv`` narrows that down."""
    events = list(read_rows(path, "video", "class", "first_frame", "last_frame"))
    if texts:
        for row in events:
            _require_known(row, row["class"], texts, "classes.csv")
    classes = list(texts) or list(dict.fromkeys(row["class"] for row in events))
    listed = path.with_name("videos.csv")
    shown: dict[str, dict[str, list[FrameRange]]] = {}
    if listed.exists():
        shown = {name: {label: [] for label in named} for name, named in _read_videos(listed, footage, classes)}
    else:
        names = [*footage.names(), *(_video(row, "video", footage) for row in events)]
        shown = {name: {label: [] for label in classes} for name in names}
    for row in events:
        own = _require_known(row, _video(row, "video", footage), shown, "videos.csv")
        runs = _require_known(row, row["class"], shown[own], f"the classes that videos.csv gives {own}")
        shown[own][runs].append(row.span("first_frame", "last_frame"))
    return {name: {label: FrameLabels(tuple(runs)) for label, runs in own.items()} for name, own in shown.items()}


def _read_videos(path: Path, footage: FootageTree, classes: list[str]) -> Iterator[tuple[str, list[str]]]:
    """``video,classes``: each video with the classes it is labelled for."""
    seen = set()
    for row in read_rows(path, "video"):
        name = _video(row, "video", footage)
        if name in seen:
            raise row.error(f"the video {name!r} is there twice; give it one line with all its classes (a;b)")
        seen.add(name)
        named = [part.strip() for part in (row.cells.get("classes") or "*").split(";")]
        if named != ["*"]:
            for label in named:
                _require_known(
                    row, label, classes, "classes.csv" if path.with_name("classes.csv").exists() else "events.csv"
                )
        yield name, classes if named == ["*"] else named


def _video(row: CsvRow, column: str, footage: FootageTree) -> str:
    """The name of a row's video, in the one form that the footage has it in."""
    if column not in row.cells:
        raise row.error("there is no column video")
    name = PurePosixPath(row[column]).as_posix()
    if footage.at_path(name) is None and (alike := footage.similar_name(name)) is not None:
        raise row.error(f"the video {name!r} is not there, but {alike!r} is; write it as the file is called")
    return name


def _require_known(row: CsvRow, name: str, among: Iterable[str], where: str) -> str:
    if name in among:
        return name
    kind = "video" if where == "videos.csv" else "class"
    known = list(among)
    shown = ", ".join(known[:SHOWN_NAMES]) + (" ..." if len(known) > SHOWN_NAMES else "")
    has = f", which has {shown}" if where.endswith(".csv") else f": {shown}"
    raise row.error(f"{kind} {name!r} is not in {where}{has}")
