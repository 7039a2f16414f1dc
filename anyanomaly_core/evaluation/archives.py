"""Opening a labelled archive: which format it is, where its labels lie, what its classes are called in words.

The plain layout is described in docs/evaluation.md; the public benchmarks' formats are read in ``benchmarks.py``.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation import benchmarks
from anyanomaly_core.evaluation.footage_names import Footage
from anyanomaly_core.evaluation.labels import UNLABELLED, FrameLabels, LabelledArchive, LabelledVideo, Span, dense

LABEL_FOLDERS = ("_labels", "_truth")  # names that begin with _ are not footage
FORMATS: dict[str, Callable[[Footage, Path], LabelledArchive]] = {
    "cvad": benchmarks.read_cvad,
    "npy": benchmarks.read_npy,
    "ucsd": benchmarks.read_ucsd,
    "ucf-crime": benchmarks.read_ucf_crime,
    "xd-violence": benchmarks.read_xd_violence,
    "manifest": benchmarks.read_manifest,
}


def open_archive(
    root: Path, *, labels: Path | None = None, label_format: str = "auto", texts: Path | None = None
) -> LabelledArchive:
    """Read the labels of an archive and find their footage.

    Args:
        root: folder of the footage.
        labels: label file or folder; none: what lies under ``root``.
        label_format: ``plain``, one of ``FORMATS``, or ``auto``: by what is there.
        texts: CSV ``class,text``, one line per text; replaces what the format would call its classes.

    Raises:
        ConfigurationError: when no labels are found, they cannot be read, or a class has no text.
    """
    given = labels or _labels_under(root)
    chosen = _guess(given) if label_format == "auto" else label_format
    footage = Footage(root)
    try:
        archive = _read_plain(footage, given) if chosen == "plain" else _reader(chosen)(footage, given)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"Labels in {given} cannot be read as {chosen}: {error!r}. See docs/evaluation.md for the formats."
        ) from None
    if texts is not None:
        archive = replace(archive, texts=_class_texts(texts))
    return _checked(archive, given)


def _reader(name: str) -> Callable[[Footage, Path], LabelledArchive]:
    if name not in FORMATS:
        known = ", ".join(["auto", "plain", *FORMATS])
        raise ConfigurationError(f"There is no label format {name!r}; there are {known}.")
    return FORMATS[name]


def _labels_under(root: Path) -> Path:
    for name in LABEL_FOLDERS:
        if (root / name).is_dir():
            return root / name
    if (root / "MANIFEST.csv").exists():
        return root / "MANIFEST.csv"
    found = [*root.glob("*.h5"), *root.glob("Temporal_Anomaly_Annotation*.txt"), *root.glob("annotations.txt")]
    if found:
        return root if found[0].suffix == ".h5" else found[0]
    if benchmarks.ucsd_test_folder(root) is not None:
        return root
    raise ConfigurationError(
        f"{root} holds no labels ({', '.join(LABEL_FOLDERS)}, MANIFEST.csv, *.h5 ...): say where with --labels."
    )


def _guess(labels: Path) -> str:
    if labels.is_dir():
        if any(labels.glob("*.h5")):
            return "cvad"
        if any(labels.glob("*.npy")):
            return "npy"
        return "ucsd" if benchmarks.ucsd_test_folder(labels) is not None else "plain"
    by_suffix = {".h5": "cvad", ".npy": "npy", ".csv": "manifest"}
    if labels.suffix in by_suffix:
        return by_suffix[labels.suffix]
    return "xd-violence" if "label_" in labels.read_text(encoding="utf-8")[:4096] else "ucf-crime"


def _checked(archive: LabelledArchive, labels: Path) -> LabelledArchive:
    known = {name for video in archive.videos for name in video.labels}
    if unknown := sorted(known - set(archive.texts)):
        raise ConfigurationError(
            f"{labels} labels {', '.join(unknown)}, for which there is no text. Give a CSV `class,text` with --texts."
        )
    if empty := sorted(name for name, texts in archive.texts.items() if not texts):
        raise ConfigurationError(f"The class {', '.join(empty)} has no text. Give a CSV `class,text` with --texts.")
    if not archive.videos:
        raise ConfigurationError(
            f"None of the {len(archive.missing)} videos that {labels} names was found; the first is "
            f"{next(iter(archive.missing), 'none')!r}. Is the footage folder right?"
        )
    return archive


def _read_plain(footage: Footage, labels: Path) -> LabelledArchive:
    """``classes.csv``, and ``frames.csv`` (one row a frame) or ``events.csv`` (one row a run of frames)."""
    texts = _class_texts(labels / "classes.csv") if (labels / "classes.csv").exists() else {}
    table = labels / "frames.csv"
    by_video = _frame_table(table) if table.exists() else _event_table(labels / "events.csv", footage, texts)
    names = list(dict.fromkeys(name for shown in by_video.values() for name in shown))
    found, missing = [], []
    for name, shown in by_video.items():
        path = footage.exact(name)
        if path is None:
            missing.append(name)
        else:
            found.append(LabelledVideo(name, path, shown))
    texts = {name: texts.get(name, (benchmarks.words(name),)) for name in (texts or names)}
    return LabelledArchive(footage.root.resolve().name, texts, tuple(found), missing=tuple(missing))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _class_texts(path: Path) -> dict[str, tuple[str, ...]]:
    texts: dict[str, tuple[str, ...]] = {}
    for row in _rows(path):
        texts[row["class"]] = (*texts.get(row["class"], ()), row["text"])
    return texts


def _frame_table(path: Path) -> dict[str, dict[str, FrameLabels]]:
    """``video,frame,<class>...`` with 1, 0 or nothing (unlabelled), in order; frames without a row are unlabelled."""
    cells: dict[str, dict[str, list[int]]] = {}
    for row in _rows(path):
        name, number = row.pop("video", None) or row.pop("uri"), int(row.pop("frame"))
        columns = cells.setdefault(name, {label: [] for label in row})
        for label, cell in row.items():
            known = columns[label]
            if len(known) > number:
                raise ValueError(f"frame {number} of {name} is not in order")
            known += [UNLABELLED] * (number - len(known))
            known.append(int(cell) if cell.strip() else UNLABELLED)
    return {name: _labelled(columns) for name, columns in cells.items()}


def _labelled(columns: dict[str, list[int]]) -> dict[str, FrameLabels]:
    return {label: dense(cells) for label, cells in columns.items() if any(value != UNLABELLED for value in cells)}


def _event_table(path: Path, footage: Footage, texts: dict[str, tuple[str, ...]]) -> dict[str, dict[str, FrameLabels]]:
    """``video,class,first_frame,last_frame``; videos without a row show nothing. ``videos.csv`` narrows that down."""
    listed = path.with_name("videos.csv")
    rows = list(_rows(path))
    classes = list(texts) or list(dict.fromkeys(row["class"] for row in rows))
    shown: dict[str, dict[str, list[Span]]] = {}
    if listed.exists():
        for row in _rows(listed):
            named = (row.get("classes") or "*").split(";")
            shown[row["video"]] = {name: [] for name in (classes if named == ["*"] else named)}
    else:
        shown = {name: {label: [] for label in classes} for name in [*footage.names(), *(row["video"] for row in rows)]}
    for row in rows:
        shown[row["video"]][row["class"]].append((int(row["first_frame"]), int(row["last_frame"])))
    return {name: {label: FrameLabels(tuple(runs)) for label, runs in own.items()} for name, own in shown.items()}
