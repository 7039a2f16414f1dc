"""Footage behind an fsspec URL: listed where it lies, copied into a bounded cache to be decoded."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec

from anyanomaly_core.errors import BucketError, FootageError, StorageError, UnsafePathError
from anyanomaly_core.file_cache import FileCache

_BLOCK = 4 << 20


def is_url(root: str) -> bool:
    """Whether an archive root is a URL and not a folder."""
    return "://" in root


def walk(root: str) -> Iterator[tuple[str, int, float, str | None]]:
    """(uri, size, modified, problem) of every object below ``root``, sorted within each folder.

    Raises:
        BucketError: when the bucket cannot be listed.
    """
    system, base = _open(root)
    with _bucket_errors(f"The archive {root} cannot be listed"):
        for folder, below, files in system.walk(base, detail=True, on_error="raise"):
            for name in [name for name, info in below.items() if name.startswith((".", "_")) or info.get("islink")]:
                del below[name]
            inside = str(folder)[len(base) :].strip("/")
            for name, info in sorted(files.items()):
                if not name.startswith((".", "_")):
                    problem = "a symbolic link; it is not opened" if info.get("islink") else None
                    yield f"{inside}/{name}".lstrip("/"), int(info["size"] or 0), _modification_time(info), problem


def fetch(root: str, uri: str, cache: Path, cache_bytes: int) -> Path:
    """A copy on this machine, made if it is not there; the least recently used copies make room.

    The copy is not removed as long as the returned object is referenced: keep it while the file is in use.

    Raises:
        BucketError: when it cannot be copied, or is larger than all copies may be together.
        UnsafePathError: when it is a link.
    """
    system, base = _open(root)
    remote = f"{base}/{uri}"
    with _bucket_errors(f"{uri!r} cannot be copied from {root}"):
        info = system.info(remote)
        if info.get("islink"):  # only of file:// URLs; other stores have none
            raise UnsafePathError(f"{uri!r} is a symbolic link; it is not opened.")
        if info.get("size") is None:
            raise FootageError("the store does not say how large it is")
        stamp = f"{root}\0{uri}\0{info['size']}\0{_modification_time(info)}"
        name = f"{hashlib.sha256(stamp.encode()).hexdigest()[:40]}{Path(uri).suffix}"

        size = int(info["size"])

        def copy(target: Path) -> None:
            with system.open(remote, "rb") as source, target.open("r+b") as out:  # as long already as it will be
                while block := source.read(_BLOCK):
                    out.write(block)
                if out.tell() != size:
                    raise FootageError(
                        f"{out.tell()} bytes came and {size} were announced. Either it is still being written, or the "
                        "connection broke."
                    )

        return FileCache(cache, cache_bytes, setting="ANYANOMALY_FOOTAGE_CACHE_MB").get(name, copy, size=size)


def read_small(root: str, uri: str, most: int) -> bytes | None:
    """The first ``most`` bytes of an object; None when there is none.

    Raises:
        BucketError: when the store does not answer.
    """
    system, base = _open(root)
    with _bucket_errors(f"{uri!r} cannot be read from {root}"):
        try:
            return bytes(system.cat_file(f"{base}/{uri}", start=0, end=most))
        except FileNotFoundError:
            return None


@contextmanager
def _bucket_errors(what: str) -> Iterator[None]:
    """Stores raise whatever their client libraries raise: it becomes an error that names the file and the next step."""
    try:
        yield
    except UnsafePathError:
        raise
    except (FootageError, StorageError) as error:
        raise BucketError(f"{what}: {error}") from None
    except FileNotFoundError as error:
        raise BucketError(f"{what}: it is not there ({error}). Run the ingest again.") from None
    except Exception as error:
        said = f"{type(error).__name__}: {str(error)[:500]}".rstrip(": ")
        raise BucketError(
            f"{what}: {said}. Check the address, the credentials and the network, and try again."
        ) from error


def _open(root: str) -> tuple[Any, str]:
    with _bucket_errors(f"The archive {root} cannot be opened"):
        system, base = fsspec.core.url_to_fs(root)
    return system, str(base).rstrip("/")


def _modification_time(info: dict[str, Any]) -> float:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
