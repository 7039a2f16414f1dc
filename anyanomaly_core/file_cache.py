"""A folder of files that can be made again, bounded in size and safe for threads and processes side by side.

Clips, stills and copies of footage from a bucket are kept this way. The least recently used files make room for new
ones. A file is leased for as long as the path that :meth:`FileCache.get` returned is referenced anywhere in the
process, and a leased file is never removed. A file appears whole or not at all.

The locks are those of ``flock``. A lease is a shared lock, which the package ``filelock`` does not offer.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from anyanomaly_core.errors import StorageError

_NAME_LOCKS = 256  # different files seldom share one
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


class LeasedPath(type(Path())):  # type: ignore[misc]  # PosixPath, which has another name elsewhere
    """A path to a file that stays while this object lives. Paths derived from it hold nothing.

    Do not keep one as a key of a cache: the file would stay for as long as the key does.
    """

    _lease: "_Lease"


class _Lease:
    """An open, locked file. Closing it gives up the lock."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Let go of the file; again does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()


class FileCache:
    """The cache in a folder.

    Args:
        folder: of this cache alone, made if absent. Several processes may share it.
        max_bytes: of all files together.
        setting: the environment variable that states ``max_bytes``, for error messages.
    """

    def __init__(self, folder: Path, max_bytes: int, *, setting: str) -> None:
        self._folder, self._max_bytes, self._setting = folder, max_bytes, setting

    def get(self, name: str, make: Callable[[Path], object], *, size: int = 0) -> Path:
        """The file of this name, made if it is not there. Whoever asks for the same file meanwhile waits for it.

        Args:
            name: without folders. It must say everything that the content depends on.
            make: writes to the file that it is given, in place, or raises.
            size: bytes that ``make`` will write, if known. The room is reserved before ``make`` is called.

        Raises:
            StorageError: the file does not fit, or the folder cannot be written, as when the disk is full.
            Exception: whatever ``make`` raises.
        """
        with ExitStack() as stack:
            with self._explain_errors(name):
                self._folder.mkdir(parents=True, exist_ok=True)
                if (leased := self._lease(name)) is not None:
                    return leased
                stack.enter_context(self._locked(_lock_of(name)))
                if (leased := self._lease(name)) is not None:  # somebody made it while we waited
                    return leased
            return self._make(name, make, size)

    def _lease(self, name: str) -> Path | None:
        path = self._folder / name
        try:
            lease = _Lease(os.open(path, os.O_RDONLY))
        except FileNotFoundError:
            return None
        fcntl.flock(lease.descriptor, fcntl.LOCK_SH)
        if not _is_named(lease.descriptor, path):
            return None  # it was removed while we waited for the lock
        # The time of last use. It is set explicitly because mounts often do not keep it.
        os.utime(lease.descriptor, (time.time(), os.fstat(lease.descriptor).st_mtime))
        return _leased_path(path, lease)

    def _make(self, name: str, make: Callable[[Path], object], size: int) -> Path:
        part = self._folder / f".{secrets.token_hex(8)}.part{Path(name).suffix}"
        try:
            with self._explain_errors(name):
                lease = self._reserve(name, part, size)
            try:
                self._fill(name, make, part, lease)
            except BaseException:
                lease.close()  # now: the error's traceback would keep the file open
                raise
        finally:
            part.unlink(missing_ok=True)
        return _leased_path(self._folder / name, lease)

    def _fill(self, name: str, make: Callable[[Path], object], part: Path, lease: _Lease) -> None:
        """Let ``make`` write the unfinished file, and give it its name."""
        try:
            make(part)
        except OSError as error:  # the disk's errors are the cache's, others are the maker's
            if error.errno not in _DISK_ERRORS:
                raise
            raise self._unwritable(name, error) from None
        with self._explain_errors(name), self._locked("room"):
            self._make_room(name, part.stat().st_size, part)
            part.rename(self._folder / name)
            fcntl.flock(lease.descriptor, fcntl.LOCK_SH)

    def _reserve(self, name: str, part: Path, size: int) -> _Lease:
        """An unfinished file, locked and as long as it will be, so that others count it."""
        with self._locked("room"):
            self._make_room(name, size, part)
            lease = _Lease(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644))
            fcntl.flock(lease.descriptor, fcntl.LOCK_EX)
            os.truncate(part, size)
        return lease

    def _make_room(self, name: str, size: int, part: Path) -> None:
        """Remove files until ``size`` more bytes fit. ``part`` itself is not counted."""
        if size > self._max_bytes:
            raise StorageError(
                f"{name} has {size} bytes, and all files in {self._folder} together may have {self._max_bytes}. "
                f"Raise {self._setting}."
            )
        files = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # an unfinished file that was given up at this moment
                if entry.is_file() and entry.name != part.name:
                    files.append((Path(entry.path), entry.stat()))
        total = sum(stat.st_size for _, stat in files)
        # What a dead process left unfinished goes first, then what was not used for longest.
        for path, stat in sorted(files, key=lambda file: (not file[0].name.startswith("."), file[1].st_atime)):
            if total + size <= self._max_bytes:
                return
            if _remove_unless_locked(path):
                total -= stat.st_size
        if total + size > self._max_bytes:
            raise StorageError(
                f"The files of {self._folder} that are in use leave no room for {size} bytes of {name}. "
                f"Raise {self._setting}, or run fewer tasks at once."
            )

    @contextmanager
    def _locked(self, lock: str) -> Iterator[None]:
        locks = self._folder / ".locks"
        locks.mkdir(exist_ok=True)
        with (locks / lock).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _explain_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(name, error) from None

    def _unwritable(self, name: str, error: OSError) -> StorageError:
        return StorageError(f"{name} cannot be kept in {self._folder}: {error.strerror}.")


def _leased_path(path: Path, lease: _Lease) -> LeasedPath:
    leased = LeasedPath(path)
    leased._lease = lease  # noqa: SLF001  (set here and nowhere else)
    return leased


def _lock_of(name: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % _NAME_LOCKS:03d}"


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
