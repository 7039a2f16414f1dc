"""A bounded folder of copies of footage that lies elsewhere; the least recently used ones make room.

A copy is held under a shared lock for as long as the path that :meth:`Copies.get` returned is referenced anywhere in
the process, and what is locked is never removed. A copy that is being made is as large as it will be from the start
and locked as well; one whose maker died is not, and goes first.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from anyanomaly_core.errors import FootageError

Write = Callable[[IO[bytes]], None]
_LIMIT = "ANYANOMALY_FOOTAGE_CACHE_MB"


class HeldPath(type(Path())):  # type: ignore[misc]  # PosixPath, which has another name elsewhere
    """A path to a copy that stays while this object lives; paths derived from it hold nothing."""

    _lease: "_Lease"


class _Lease:
    """An open, locked file; closing it unlocks it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)


class Copies:
    """The copies in a folder, made if absent.

    Args:
        folder: several processes may share it.
        limit: bytes of all copies together.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, size: int, write: Write) -> Path:
        """The copy of this name, made by ``write`` if there is none.

        Args:
            name: of the file in the folder; the same name means the same content.
            size: bytes that ``write`` will write.
            write: gets the new file open for writing.

        Raises:
            FootageError: when it does not fit.
            OSError: from the disk.
        """
        while True:
            held = self._held(name)
            if held is not None:
                return held
            self._make(name, size, write)

    def _held(self, name: str) -> Path | None:
        path = self._folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        lease = _Lease(descriptor)
        if not _is_named(descriptor, path):
            return None  # removed while we waited for the lock
        os.utime(
            descriptor, (time.time(), os.fstat(descriptor).st_mtime)
        )  # when it was used last; mounts often keep no time
        held = HeldPath(path)
        held._lease = lease  # noqa: SLF001
        return held

    def _make(self, name: str, size: int, write: Write) -> None:
        part = self._folder / f"{name}.{os.getpid()}-{secrets.token_hex(4)}.part"
        with ExitStack() as stack:
            with self._one_at_a_time():
                self._make_room(name, size)
                file = stack.enter_context(part.open("xb"))
                stack.callback(part.unlink, missing_ok=True)
                fcntl.flock(file, fcntl.LOCK_EX)
                os.truncate(part, size)
            write(file)
            _must_be(file.tell(), size)
            file.flush()
            with self._one_at_a_time():
                self._publish(part, self._folder / name)

    @staticmethod
    def _publish(part: Path, path: Path) -> None:
        if not path.exists():  # else somebody was faster, and has it locked
            part.rename(path)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Room that one process has made is not taken by another."""
        with (self._folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_room(self, name: str, size: int) -> None:
        if size > self._limit:
            raise FootageError(f"it has {size} bytes, all copies together may have {self._limit}; raise {_LIMIT}.")
        stats = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # a copy that was given up at this moment
                if entry.name != "lock" and entry.is_file():
                    stats.append((Path(entry.path), entry.stat()))
        total = sum(stat.st_size for _, stat in stats)
        # First what nobody finishes any more, then what was not used for longest.
        for path, stat in sorted(stats, key=lambda item: (item[0].suffix != ".part", item[1].st_atime)):
            if total + size <= self._limit:
                return
            if path.name != name and _remove_unless_locked(path):
                total -= stat.st_size
        if total + size > self._limit:
            raise FootageError(f"the copies in use leave no room for {size} bytes; raise {_LIMIT} or run fewer tasks.")


def _must_be(written: int, size: int) -> None:
    if written != size:
        raise FootageError(f"{written} bytes came and {size} were announced; it is being written, or the line broke.")


def _remove_unless_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
