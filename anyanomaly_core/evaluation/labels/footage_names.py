"""Finding the footage that labels name: video files and folders of frames under one root."""

import os
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.frame_folders import IMAGES
from anyanomaly_core.footage.sources import EXTENSIONS


class FootageTree:
    """Video files and frame folders under ``root``; names that begin with ``.`` or ``_`` are not footage."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def paths(self) -> list[Path]:
        """Every video file and frame folder, by path."""
        found, seen = [], set()
        for name, folders, files in os.walk(self.root, followlinks=True):  # data sets are linked together now and then
            folder = Path(name)
            if folder.resolve() in seen:  # a link back
                folders.clear()
                continue
            seen.add(folder.resolve())
            folders[:] = sorted(inner for inner in folders if inner[0] not in "._")
            found += [folder / file for file in files if _is_video(file)]
            if folder != self.root and any(Path(file).suffix.lower() in IMAGES for file in files):
                found.append(folder)
        return sorted(found)

    def name(self, path: Path) -> str:
        """Relative to the root, POSIX."""
        return path.relative_to(self.root).as_posix()

    def names(self) -> list[str]:
        """Names of all footage."""
        return [self.name(path) for path in self.paths]

    def unused(self, used: Iterable[Path]) -> tuple[str, ...]:
        """Names of the footage that is not among ``used``."""
        taken = {path.resolve() for path in used}
        return tuple(self.name(path) for path in self.paths if path.resolve() not in taken)

    def similar_name(self, name: str) -> str | None:
        """The one footage name that differs from ``name`` in case, slashes or the form of its accents only."""
        found = self._by_fold.get(_fold_case(name), [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_fold(self) -> dict[str, list[str]]:
        folds: dict[str, list[str]] = {}
        for known in self.names():
            folds.setdefault(_fold_case(known), []).append(known)
        return folds

    def at_path(self, name: str) -> Path | None:
        """The video file or frame folder of this relative path; None when it is not there or leaves the root."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            return None
        path = self.root / relative
        return path if path.exists() else None

    def with_title(self, name: str) -> Path | None:
        """The one called ``name`` without folder and extension, or ending in ``_name``.

        Raises:
            ConfigurationError: when several are.
        """
        same = self._by_stem.get(name, [])
        found = same or [path for stem, paths in self._by_stem.items() if stem.endswith(f"_{name}") for path in paths]
        if len(found) > 1:
            listed = ", ".join(str(path.relative_to(self.root)) for path in found[:4])
            raise ConfigurationError(
                f"Labels name {name!r}, and several videos could be meant: {listed}. "
                "Give the folder of the test videos."
            )
        return found[0] if found else None

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        stems: dict[str, list[Path]] = {}
        for path in self.paths:
            stems.setdefault(title(path), []).append(path)
        return stems


def title(path: Path) -> str:
    """A file's name without its extension; a folder's name, which may have dots of its own."""
    return path.stem if path.is_file() else path.name


def _fold_case(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def _is_video(name: str) -> bool:
    return name[0] not in "._" and Path(name).suffix[1:].lower() in EXTENSIONS
