"""Where footage comes from: a folder, or any fsspec URL. The paths that leave the root never open anything."""

import errno
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from anyanomaly_core.errors import FootageError, UnsafePathError
from anyanomaly_core.footage import bucket, local_time
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.layout import PathFacts, compile_layout, read_path
from anyanomaly_core.footage.local_time import NoTimeError, Zones
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.recorders.axis import read_block
from anyanomaly_core.footage.recorders.containers import why_not_video
from anyanomaly_core.footage.recorders.presets import RECORDERS
from anyanomaly_core.footage.timeline import duration
from anyanomaly_core.footage.types import FoundFile, FrameIndex, Probe

log = logging.getLogger(__name__)

EXTENSIONS = frozenset(
    {"mp4", "m4v", "mov", "3gp", "avi", "mkv", "webm", "ogv", "flv", "wmv", "asf", "mjpeg", "mjpg"}
    | {"ts", "m2ts", "mts", "mpg", "mpeg", "ps", "vob", "h264", "264", "h265", "265", "hevc", "dav"}
)
_SIDECAR_BYTES = 64 << 10


def discover(root: str, layout: str, zones: Zones | str, *, settle_s: float = 0.0) -> Iterator[FoundFile]:
    """Every video file under ``root`` with the camera and recording time that it states: `list_files`, then `identify`.

    Args:
        root: a folder, or an fsspec URL.
        layout: see :mod:`anyanomaly_core.footage.layout`.
        zones: of times in paths and sidecars that name none; an IANA name for one zone.
        settle_s: files changed within this many seconds are still being written; left for the next time.

    Raises:
        ConfigurationError: when the layout is wrong.
        FootageError: when the root is not there.
    """
    compile_layout(layout)
    places = Zones(zones) if isinstance(zones, str) else zones
    for found in list_files(root, settle_s=settle_s):
        yield identify(root, found, layout, places)


def list_files(root: str, *, settle_s: float = 0.0) -> Iterator[FoundFile]:
    """Every video file under ``root`` in order of path, one folder in memory at a time, without camera and time.

    Names that begin with ``.`` or ``_`` are skipped. Folders behind symbolic links are not entered. Files of recorders
    that only their own software reads are found with that as their problem.

    Args:
        root: a folder, or an fsspec URL.
        settle_s: files changed within this many seconds are still being written; left for the next time.

    Raises:
        FootageError: when the root is not there.
    """
    entries = bucket.walk(root) if bucket.is_url(root) else _walk(Path(root))
    newest = time.time() - settle_s
    for uri, size, modified, problem in entries:
        if not is_footage(uri):
            continue
        if settle_s > 0 and modified > newest:
            log.info("%r is still being written; left for the next run", uri)
            continue
        if "\0" in uri:  # a key of a bucket; no file system has such names, nor can PostgreSQL keep them
            name, why = quote(uri, safe="/ "), "the file's name holds a NUL character; rename it"
            yield FoundFile(name, size, modified, None, None, None, why)
            continue
        yield FoundFile(uri, size, modified, None, None, None, problem or why_not_video(uri))


def is_footage(uri: str) -> bool:
    """Whether a file is listed, by its name: a video, or recordings in a container that only their recorder reads."""
    return Path(uri).suffix.lstrip(".").lower() in EXTENSIONS or why_not_video(uri) is not None


def with_recording_time(
    found: FoundFile,
    path: Path,
    default: Literal["refuse", "modified"],
    index: Callable[[Path], FrameIndex] = index_frames,
) -> FoundFile:
    """The same file with a recording time from its container, or by ``default``; or with the problem that it has none.

    Args:
        found: as discovered.
        path: the file on this machine.
        default: ``modified``: the file's time of change counts as the end of the recording, as most recorders leave it.
            How long that was, the frames say: headers count sound, and begin at any time of day.
        index: of the file's frames.
    """
    if found.problem is not None or found.recorded_at is not None:
        return found
    try:
        header = probe(path)
    except FootageError:
        header = None  # ingest says why when it decodes the file
    if header is not None and header.created_at is not None:
        return replace(found, recorded_at=header.created_at, recorded_at_source="container")
    if default == "modified":
        began = datetime.fromtimestamp(max(0.0, found.modified - _length(path, header, index)), UTC)
        return replace(found, recorded_at=began, recorded_at_source="modified")
    doubt = f" ({found.doubt})" if found.doubt else ""
    return replace(
        found,
        problem=f"no recording time is stated: not by the path{doubt}, a sidecar or the container. Change the archive "
        "layout, add a sidecar, or set ANYANOMALY_RECORDED_AT_DEFAULT=modified to use the file's time of change",
    )


def _length(path: Path, header: Probe | None, index: Callable[[Path], FrameIndex]) -> float:
    """Seconds of pictures in a file; what its header says where none can be decoded, 0 where that says nothing."""
    if header is None:
        return 0.0
    try:
        return duration(index(path).times_s, header.fps)
    except FootageError:
        return header.duration_s or 0.0


def local_path(root: str, uri: str, *, cache: Path | None = None, cache_bytes: int = 20 << 30) -> Path:
    """The file on this machine; from a bucket it is copied into ``cache`` first.

    Args:
        root: as for discover.
        uri: as found there.
        cache: folder for copies; needed for a bucket.
        cache_bytes: the least recently used copies beyond this are removed.

    Raises:
        UnsafePathError: when ``uri`` leads out of the root, through ``..``, a root of its own or a symbolic link.
        FootageError: when a bucket's file cannot be copied.
    """
    if uri.startswith("/") or "\0" in uri or ".." in uri.split("/"):
        raise UnsafePathError(f"{uri!r} does not stay under the archive root; it is not opened.")
    if bucket.is_url(root):
        if cache is None:
            raise FootageError(f"{root} is a bucket; a cache folder is needed to read {uri!r}.")
        return bucket.fetch(root, uri, cache, cache_bytes)
    base = Path(root).resolve()
    path = base / uri
    try:
        inside = path.resolve().is_relative_to(base)
    except (OSError, RuntimeError):
        raise UnsafePathError(f"{uri!r} is a link that leads to itself; it is not opened.") from None
    if not inside:
        raise UnsafePathError(f"{uri!r} is a link that leads out of the archive root; it is not opened.")
    return path


def _walk(root: Path) -> Iterator[tuple[str, int, float, str | None]]:
    """(uri, size, modified, problem) of the regular files below a folder."""
    if not root.is_dir():
        raise FootageError(f"The archive root {root} is not a folder. Is it mounted?")
    base = root.resolve()
    folders = [base]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            log.warning("Folder %r cannot be read: %s", str(folder), error.strerror)
            continue
        for entry in entries:
            if entry.name.startswith((".", "_")):
                continue
            try:
                known = _entry(base, entry) if entry.is_file() else None
            except (OSError, RuntimeError) as error:  # a link to itself, or a file removed since the folder was read
                log.warning("%r cannot be looked at and is left out: %s", entry.path, error)
                continue
            if known is not None:
                yield known
            elif entry.is_symlink():
                log.warning("%r is a link to a folder or to nothing; not followed", entry.path)
        below = [e for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith((".", "_"))]
        folders += [Path(entry.path) for entry in reversed(below)]


def _entry(base: Path, entry: "os.DirEntry[str]") -> tuple[str, int, float, str | None]:
    relative = Path(entry.path).relative_to(base).as_posix()
    stat = entry.stat()
    try:
        relative.encode()
    except UnicodeEncodeError:
        shown = quote(os.fsencode(relative), safe="/ ")
        return shown, stat.st_size, stat.st_mtime, "the file's name is not valid UTF-8; rename it"
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(base):
        return relative, stat.st_size, stat.st_mtime, "a link that leads out of the archive root; it is not opened"
    return relative, stat.st_size, stat.st_mtime, None


def identify(root: str, found: FoundFile, layout: str, zones: Zones) -> FoundFile:
    """The same file with camera and recording time from its path and from what lies beside it, or with its problem.

    The time is None where neither states it; :func:`with_recording_time` looks into the container.
    """
    if found.problem is not None:
        return found
    stated = read_path(found.uri, layout, zones, modified=found.modified)
    try:
        camera, at, source = _read_sidecars(root, found, stated, zones)
    except NoTimeError as error:
        return replace(found, problem=f"the sidecar's recorded_at: {error}")
    except FootageError as error:
        return replace(found, problem=str(error))
    if not camera:
        fits = "does not fit" if stated == PathFacts() else "names none under"
        why = f" ({stated.problem})" if stated.problem else ""
        return replace(
            found,
            problem=f"no camera is stated: the path {fits} the layout {layout!r}{why} and there is no sidecar; "
            "` as NAME` after a layout names the camera of paths that do not",
        )
    return replace(
        found, camera=camera, recorded_at=at, recorded_at_source=source, doubt=stated.problem if at is None else None
    )


def _read_sidecars(
    root: str, found: FoundFile, stated: PathFacts, zones: Zones
) -> tuple[str | None, datetime | None, str | None]:
    """Camera, time and what states it: the path, and files beside the recording where they say more."""
    camera, at, source = stated.camera, stated.recorded_at, "path" if stated.recorded_at else None
    if stated.recorder is not None and RECORDERS[stated.recorder].block_xml:
        block = read_block(found.uri, lambda uri: _small(root, uri))
        at, source = (block.began, "sidecar") if block.began is not None else (at, source)
        camera = f"{camera}-{block.source}" if camera and block.source else camera
    if camera is None or at is None:
        sidecar = _sidecar(root, found.uri)
        camera = camera or sidecar.get("camera")
        if at is None and (text := sidecar.get("recorded_at")):
            at, source = local_time.from_iso(text, zones.of(camera), zones.repeated_hour, found.modified), "sidecar"
    return camera, at, source


def _sidecar(root: str, uri: str) -> dict[str, str]:
    """``<file>.json``: an object with ``camera`` and ``recorded_at``; empty when there is none."""
    try:
        content = _small(root, f"{uri}.json")
        found = {} if content is None else json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise FootageError(f"the sidecar {uri}.json cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise FootageError(f"the sidecar {uri}.json is no JSON object")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _small(root: str, uri: str) -> bytes | None:
    """The beginning of a small file in the archive; None: there is none."""
    if bucket.is_url(root):
        return bucket.read_small(root, uri, _SIDECAR_BYTES)
    try:
        path = local_path(root, uri)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(_SIDECAR_BYTES)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None  # no file can have that name
        raise
