"""Which layout a folder seems to have: looked at before anything is ingested, with what is not certain about it."""

import os
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from statistics import median, quantiles
from typing import TypeVar
from zoneinfo import ZoneInfo

from anyanomaly_core.display import display_text
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import bucket
from anyanomaly_core.footage.layout import ANY_FOLDER, read_path
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.recorders.containers import why_not_video
from anyanomaly_core.footage.recorders.inference import infer
from anyanomaly_core.footage.recorders.presets import RECORDERS
from anyanomaly_core.footage.sources import identify, is_footage
from anyanomaly_core.footage.types import FoundFile

_USUAL = "{camera}/{date}/{time}.{ext}"
_MOST_FILES, _MOST_FOLDERS = 600, 400
_FILES_OF_FOLDER, _FOLDERS_OF_FOLDER = 50, 12
_ENOUGH = 0.5  # of the files, to be proposed; and of those that are left, to be added
_EXAMPLES = 10
_ROUNDING, _LONGEST = 60, 6 * 3600  # seconds between the beginning of a recording and its file's last change
_NOT_IN_A_CAMERA = re.compile(r"[@|/{}\s]+")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A layout, and what it makes of some files of a folder."""

    layout: str
    looked_at: int  # files
    stated: int  # of them, with camera and time from their paths or what lies beside them
    cameras: tuple[str, ...]
    examples: tuple[FoundFile, ...]  # spread over the folder, with camera and time
    doubts: tuple[str, ...]  # what is not certain, in sentences

    @property
    def is_likely(self) -> bool:
        """Whether it reads most of the files."""
        return self.looked_at > 0 and self.stated >= 0.9 * self.looked_at

    def report(self, zones: Zones) -> str:
        """What a person decides by: the layout, some files with camera and local time, and what is not certain."""
        rows = [("file", "camera", "time", "stated by")]
        for file in self.examples:
            zone = ZoneInfo(zones.of(file.camera))
            at = "" if file.recorded_at is None else file.recorded_at.astimezone(zone).isoformat(sep=" ")
            rows.append((file.uri, file.camera or "", at, file.recorded_at_source or file.problem or file.doubt or ""))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        table = ["  ".join([*map(str.ljust, row, widths), row[3]]).rstrip() for row in rows]
        counts = f"{self.stated} of {self.looked_at} files that were looked at state camera and time"
        named = f"{len(self.cameras)} cameras: {', '.join(self.cameras[:_EXAMPLES])}"
        doubts = [f"Not certain: {doubt}" for doubt in self.doubts]
        lines = [f"ANYANOMALY_ARCHIVE_LAYOUT={self.layout}", "", *table, "", f"{counts}; {named}", *doubts]
        # Names of files and cameras are anybody's: nothing in them steers the terminal.
        return "\n".join(map(display_text, lines))


def propose(root: str, zones: Zones, *, layout: str = "") -> Proposal:
    """Look at some hundred files of an archive and propose how their names are to be read.

    Args:
        root: a folder, or an fsspec URL.
        zones: of times that name none.
        layout: the one to try; empty: the one that fits best.

    Raises:
        ConfigurationError: ``layout`` is wrong.
        FootageError: the folder cannot be read, or holds no footage.
    """
    files = _sample(root)
    videos = [file for file in files if file.problem is None]
    if not files:
        raise FootageError(f"{root} holds no footage that this installation reads.")
    camera = _NOT_IN_A_CAMERA.sub(" ", PurePosixPath(root.rstrip("/")).name).strip() or "camera"
    chosen = layout or _best(videos, zones, camera)
    examples = [identify(root, file, chosen, zones) for file in files]
    complete = [file for file in examples if file.camera is not None and file.recorded_at is not None]
    return Proposal(
        chosen,
        len(examples),
        len(complete),
        tuple(sorted({file.camera for file in examples if file.camera is not None})),
        tuple(_spread([file for file in examples if file.problem is None] or examples, _EXAMPLES)),
        tuple(_doubts(chosen, examples, complete, zones)),
    )


def _best(files: Sequence[FoundFile], zones: Zones, camera: str) -> str:
    """The layout that states most; others for what it leaves, as long as they state half of that."""
    left, found = list(files), list[str]()
    while left and len(found) < 3:  # noqa: PLR2004
        readings = ((layout, _read(left, layout, zones)) for layout in _candidates(left, camera))
        layout, read = max(readings, key=lambda pair: (len(pair[1]), sum(pair[1].values())))
        if len(read) < _ENOUGH * len(left):
            break
        found.append(layout)
        left = [file for file in left if file.uri not in read]
    return "|".join([*found, ANY_FOLDER] if not found or left else found)


def _candidates(files: Sequence[FoundFile], camera: str) -> Iterable[str]:
    """Layouts to try, of several that read the same the first counts."""
    distinct = [recorder.name for recorder in RECORDERS.values() if recorder.is_distinct]
    others = [recorder.name for recorder in RECORDERS.values() if not recorder.is_distinct]
    inferred = infer([file.uri for file in files], camera)
    yield from (_USUAL, *distinct, *(f"{name} as {camera}" for name in distinct))
    yield from [inferred] if inferred is not None else []
    yield from (*others, *(f"{name} as {camera}" for name in others))


def _read(files: Sequence[FoundFile], layout: str, zones: Zones) -> dict[str, bool]:
    """The files of which a layout states camera and time; and whether they were changed within hours of that time."""
    found = {}
    for file in files:
        stated = read_path(file.uri, layout, zones, modified=file.modified)
        if stated.camera is not None and stated.recorded_at is not None:
            found[file.uri] = -_ROUNDING < file.modified - stated.recorded_at.timestamp() < _LONGEST
        elif stated.camera is not None and stated.is_undecided:
            found[file.uri] = False  # a time was found, though not which of two, or not in this zone
    return found


def _doubts(layout: str, files: Sequence[FoundFile], complete: Sequence[FoundFile], zones: Zones) -> Iterable[str]:
    yield from _doubts_about_files(files)
    for name in (text.strip().split(" ")[0] for text in layout.split("|")):
        if name in RECORDERS and RECORDERS[name].remark:
            yield f"{RECORDERS[name].title}: {RECORDERS[name].remark}"
    if "us_date}" in layout or "eu_date}" in layout:
        yield "Whether months or days come first is told by dates that can be read in one way only; compare one."
    if " as " in layout:
        yield "No folder or name of some files seems to be the camera; a name was given to it."
    cameras = {file.camera for file in complete}
    if len(cameras) > 2 * _EXAMPLES and len(cameras) == len(complete):
        yield "Every file has a camera of its own; is that the camera?"
    if _is_local(layout) and complete:
        yield (
            f"Times that name no zone are read as local times of {zones.default}; ` @ ZONE` after the layout, or "
            "ANYANOMALY_TIME_ZONE, changes it."
        )
    yield from _doubts_by_change(complete)


def _doubts_about_files(files: Sequence[FoundFile]) -> Iterable[str]:
    refused = [file for file in files if file.problem is not None]
    reasons = {file.uri: why_not_video(file.uri) for file in refused}
    for reason in dict.fromkeys(filter(None, reasons.values())):
        alike = [uri for uri, why in reasons.items() if why == reason]
        yield f"{len(alike)} files cannot be read, such as {alike[0]}: {reason}."
    unread = [file for file in refused if reasons[file.uri] is None]
    if unread:
        yield f"{len(unread)} of {len(files)} files name no camera, such as {unread[0].uri}: {unread[0].problem}."
    timeless = [file for file in files if file.problem is None and file.recorded_at is None]
    if timeless:
        why = next((f": {file.doubt}" for file in timeless if file.doubt), "")
        yield f"{len(timeless)} of {len(files)} files state no time, such as {timeless[0].uri}{why}."


def _is_local(layout: str) -> bool:
    return any(
        " @ " not in text
        and "{epoch" not in text
        and "{offset}" not in text
        and text.strip() not in {"frigate", "tapo"}
        for text in layout.split("|")
    )


def _doubts_by_change(files: Sequence[FoundFile]) -> Iterable[str]:
    """Recorders leave a file's time of change at the end of the recording; copying moves it."""
    late = sorted(file.modified - file.recorded_at.timestamp() for file in files if file.recorded_at is not None)
    if len(late) < 3:  # noqa: PLR2004
        return
    middle, (low, _, high) = median(late), quantiles(late, n=4)
    apart = str(timedelta(seconds=round(abs(middle))))
    if middle < -60:  # noqa: PLR2004  (a minute)
        yield f"Files were changed {apart} before the times at which they state to begin: the zone is hardly right."
    elif middle > 86400:  # noqa: PLR2004  (a day)
        yield "The files were copied since, so their times of change do not confirm the zone."
    elif middle > 2700 and high - low < 900:  # noqa: PLR2004  (three quarters of an hour; a quarter of one)
        yield f"Files were changed {apart} after they state to begin: are they that long? Else it is the zone."


def _sample(root: str) -> list[FoundFile]:
    """Some hundred files, from all over the archive."""
    if bucket.is_url(root):
        found = (entry for entry in bucket.walk(root) if is_footage(entry[0]))
        return [_file_without_facts(*entry) for entry in islice(found, _MOST_FILES)]
    base = Path(root)
    if not base.is_dir():
        raise FootageError(f"{root} is not a folder.")
    waiting, files = deque([base]), list[FoundFile]()
    for _ in range(_MOST_FOLDERS):
        if not waiting or len(files) >= _MOST_FILES:
            break
        below, inside = _entries(waiting.popleft())
        waiting.extend(_spread(below, _FOLDERS_OF_FOLDER))
        for path in _spread(inside, _FILES_OF_FOLDER):
            state = path.stat()
            files.append(_file_without_facts(path.relative_to(base).as_posix(), state.st_size, state.st_mtime, None))
    return sorted(files, key=lambda file: file.uri)


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and footage in a folder; without links, hidden ones, and names that are no text."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return [], []
    plain = [entry for entry in entries if not entry.name.startswith((".", "_")) and entry.name.isprintable()]
    below = [Path(entry.path) for entry in plain if entry.is_dir(follow_symlinks=False)]
    return below, [Path(e.path) for e in plain if e.is_file(follow_symlinks=False) and is_footage(e.name)]


def _file_without_facts(uri: str, size: int, modified: float, problem: str | None) -> FoundFile:
    return FoundFile(uri, size, modified, None, None, None, problem or why_not_video(uri))


def _spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]
