"""A folder of made files, bounded in size, safe for requests and processes side by side."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anyanomaly_core.errors import StorageError

_LOCKS = 256  # files that requests for different things seldom share


def made_once(folder: Path, name: str, make: Callable[[Path], object], *, most_mb: int) -> Path:
    """``folder/name``, made if it is not there; the files used longest ago make room.

    Who asks for the same file meanwhile waits for it. A file appears whole or not at all: ``make`` writes to another
    name first. A file in use may be removed for another one's sake; who has it open keeps it.

    Args:
        folder: of this cache alone.
        name: without folders; must say everything that the content depends on.
        make: writes the file to the path that it is given, or raises.
        most_mb: of all files together.

    Raises:
        StorageError: the folder cannot be written, as when the disk is full. And whatever ``make`` raises.
    """
    target = folder / name
    try:
        return _made(folder, target, make, most_mb)
    except OSError as error:
        raise StorageError(f"{target.name} cannot be kept in {folder}: {error.strerror}.") from None


def _made(folder: Path, target: Path, make: Callable[[Path], object], most_mb: int) -> Path:
    if _touch(target):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder, _number_of(target.name)):
        if _touch(target):  # somebody made it while this one waited
            return target
        handle, part = tempfile.mkstemp(dir=folder, prefix=".", suffix=f".part{target.suffix}")
        os.close(handle)
        try:
            make(Path(part))
            with _locked(folder, "room"):  # else two would count the same room
                _make_room(folder, (most_mb << 20) - Path(part).stat().st_size)
                Path(part).rename(target)
        finally:
            Path(part).unlink(missing_ok=True)
    return target


def _touch(path: Path) -> bool:
    """Whether the file is there; if so, note that it is used now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _number_of(name: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % _LOCKS:03d}"


@contextmanager
def _locked(folder: Path, lock: str) -> Iterator[None]:
    locks = folder / ".locks"
    locks.mkdir(exist_ok=True)
    with (locks / lock).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_room(folder: Path, budget: int) -> None:
    known = []
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # another process made room at the same time
            known.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in known)
    for _, size, path in sorted(known):
        if total <= max(0, budget):
            return
        total -= size
        path.unlink(missing_ok=True)
