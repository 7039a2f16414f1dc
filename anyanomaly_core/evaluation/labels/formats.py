"""Opening a labelled archive: which format it is, where its labels lie, what its classes are called in words.

The plain layout is read in ``plain.py``; the public benchmarks' formats in ``frame_values.py``, ``span_lists.py`` and
``ucsd.py``. docs/evaluation.md describes them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels import frame_values, span_lists
from anyanomaly_core.evaluation.labels.footage_names import FootageTree
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.labels.plain import class_texts, read_plain
from anyanomaly_core.evaluation.labels.ucsd import read_ucsd, ucsd_test_folder

LABEL_FOLDERS = ("_labels", "_truth")  # names that begin with _ are not footage
FORMATS: dict[str, Callable[[FootageTree, Path], LabelledArchive]] = {
    "plain": read_plain,
    "cvad": frame_values.read_cvad,
    "npy": frame_values.read_npy,
    "avenue": frame_values.read_avenue,
    "ucsd": read_ucsd,
    "ucf-crime": span_lists.read_ucf_crime,
    "xd-violence": span_lists.read_xd_violence,
    "manifest": frame_values.read_manifest,
}


def open_archive(
    root: Path, *, labels: Path | None = None, label_format: str = "auto", texts: Path | None = None
) -> LabelledArchive:
    """Read the labels of an archive and find their footage.

    Args:
        root: folder of the footage.
        labels: label file or folder; none: what lies under ``root``.
        label_format: one of ``FORMATS``, or ``auto``: by what is there.
        texts: CSV ``class,text``, one line per text; replaces what the format would call its classes.

    Raises:
        ConfigurationError: when no labels are found, they cannot be read, or a class has no text.
    """
    given = labels or _labels_under(root)
    if not given.exists():
        raise ConfigurationError(f"{given} is not there; --labels takes the file or folder of the labels.")
    chosen = _guess(given) if label_format == "auto" else label_format
    footage = FootageTree(root)
    try:
        archive = _reader(chosen)(footage, given)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"Labels in {given} cannot be read as {chosen}: {error!r}. See docs/evaluation.md for the formats."
        ) from None
    if texts is not None:
        archive = replace(archive, texts=class_texts(texts))
    return _check_archive(archive, given)


def _reader(name: str) -> Callable[[FootageTree, Path], LabelledArchive]:
    if name not in FORMATS:
        known = ", ".join(["auto", *FORMATS])
        raise ConfigurationError(f"There is no label format {name!r}; there are {known}.")
    return FORMATS[name]


def _labels_under(root: Path) -> Path:
    for name in LABEL_FOLDERS:
        folder = root / name
        if folder.is_dir() and [file.name for file in folder.iterdir()] != ["classes.csv"]:  # that is texts alone
            return folder
    if (root / "MANIFEST.csv").exists():
        return root / "MANIFEST.csv"
    found = [*root.glob("*.h5"), *root.glob("Temporal_Anomaly_Annotation*.txt"), *root.glob("annotations.txt")]
    if found:
        return root if found[0].suffix == ".h5" else found[0]
    if ucsd_test_folder(root) is not None or frame_values.avenue_folder(root) is not None:
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
        if frame_values.avenue_folder(labels) is not None:
            return "avenue"
        return "ucsd" if ucsd_test_folder(labels) is not None else "plain"
    by_suffix = {".h5": "cvad", ".npy": "npy", ".csv": "manifest", ".mat": "avenue"}
    if labels.suffix in by_suffix:
        return by_suffix[labels.suffix]
    beginning = labels.read_text(encoding="utf-8", errors="replace")[:4096]
    return "xd-violence" if "label_" in beginning else "ucf-crime"


def _check_archive(archive: LabelledArchive, labels: Path) -> LabelledArchive:
    known = {name for video in archive.videos for name in video.labels}
    if unknown := sorted(known - set(archive.texts)):
        raise ConfigurationError(
            f"{labels} labels {', '.join(unknown)}, for which there is no text. Give a CSV `class,text` with --texts."
        )
    if empty := sorted(name for name, texts in archive.texts.items() if not texts):
        raise ConfigurationError(f"The class {', '.join(empty)} has no text. Give a CSV `class,text` with --texts.")
    if not archive.videos and not archive.missing:
        raise ConfigurationError(
            f"{labels} labels none of the {len(archive.unlabelled)} videos that are there; the first is "
            f"{next(iter(archive.unlabelled), 'none')!r}. Where are the labels?"
        )
    if not archive.videos:
        raise ConfigurationError(
            f"None of the {len(archive.missing)} videos that {labels} names was found; the first is "
            f"{next(iter(archive.missing), 'none')!r}. Is the footage folder right?"
        )
    if not archive.texts:
        raise ConfigurationError(f"{labels} names no class. Give a CSV `class,text` with --texts.")
    return archive
