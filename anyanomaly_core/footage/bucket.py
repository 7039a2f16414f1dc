"""Footage behind an fsspec URL: listed where it lies, copied into a bounded cache to be decoded."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec

from anyanomaly_core.errors import FootageError, UnsafePathError


def is_url(root: str) -> bool:
    """Whether an archive root is a URL and not a folder."""
    return "://" in root


def walk(root: str) -> Iterator[tuple[str, int, float, str | None]]:
    """(uri, size, modified, problem) of every object below ``root``, sorted within each folder.

    Raises:
        FootageError: when the bucket cannot be listed.
    """
    system, base = _open(root)
    try:
        for folder, below, files in system.walk(base, detail=True, on_error="raise"):
            for name in [name for name, info in below.items() if name.startswith((".", "_")) or info.get("islink")]:
                del below[name]
            inside = str(folder)[len(base) :].strip("/")
            for name, info in sorted(files.items()):
                if not name.startswith((".", "_")):
                    problem = "a symbolic link; it is not opened" if info.get("islink") else None
                    yield f"{inside}/{name}".lstrip("/"), int(info["size"] or 0), _modified(info), problem
    except OSError as error:
        raise FootageError(f"The archive {root} cannot be listed: {error}.") from None


def fetch(root: str, uri: str, cache: Path, cache_bytes: int) -> Path:
    """A copy on this machine, made if it is not there; the least recently used copies make room.

    Raises:
        FootageError: when it cannot be copied.
    """
    system, base = _open(root)
    remote = f"{base}/{uri}"
    try:
        info = system.info(remote)
        if info.get("islink"):  # only of file:// URLs; other stores have none
            raise UnsafePathError(f"{uri!r} is a symbolic link; it is not opened.")
        stamp = f"{root}\0{uri}\0{info['size']}\0{_modified(info)}"
        target = cache / f"{hashlib.sha256(stamp.encode()).hexdigest()[:40]}{Path(uri).suffix}"
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _make_room(cache, cache_bytes - int(info["size"] or 0))
            part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
            system.get_file(remote, str(part))
            part.rename(target)
    except OSError as error:
        raise FootageError(f"{uri!r} cannot be copied from {root}: {error}.") from None
    os.utime(target, (time.time(), target.stat().st_mtime))  # when it was used last; mounts often keep no such time
    return target


def read_small(root: str, uri: str, most: int) -> bytes | None:
    """The first ``most`` bytes of an object; None when there is none."""
    system, base = _open(root)
    try:
        return bytes(system.cat_file(f"{base}/{uri}", start=0, end=most))
    except FileNotFoundError:
        return None


def _open(root: str) -> tuple[Any, str]:
    try:
        system, base = fsspec.core.url_to_fs(root)
    except (ValueError, ImportError) as error:
        raise FootageError(f"The archive {root} cannot be opened: {error}.") from None
    return system, str(base).rstrip("/")


def _modified(info: dict[str, Any]) -> float:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0


def _make_room(cache: Path, budget: int) -> None:
    # Another worker's unfinished copy (.part) is not ours to remove.
    whole = (path for path in cache.iterdir() if path.is_file() and path.suffix != ".part")
    copies = sorted(whole, key=lambda path: path.stat().st_atime)
    total = sum(path.stat().st_size for path in copies)
    for path in copies:
        if total <= max(0, budget):
            return
        total -= path.stat().st_size
        path.unlink(missing_ok=True)
