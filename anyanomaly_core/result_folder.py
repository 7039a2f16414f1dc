"""Where results lie: a folder of this machine, or a bucket by its fsspec URL.

Both are paths with ``/``, ``open`` and ``unlink``: pathlib's for a folder, universal_pathlib's for a bucket, which is
what Airflow's ObjectStoragePath is made of. A folder has renaming and flushing to disk, a bucket has neither: an object
appears whole when it is put. Credentials are those that the store's client finds in the environment.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_not_exception_type, stop_after_delay, wait_exponential
from upath import UPath

from anyanomaly_core.errors import StorageError

log = logging.getLogger(__name__)
Result = TypeVar("Result")

ResultFolder = Path | UPath
PATIENCE_S = 300.0  # with a store that refuses or does not answer
_FINAL = (FileNotFoundError, PermissionError)  # no such bucket, no right: a minute later it is the same


def folder_or_bucket(value: str | Path | UPath) -> ResultFolder:
    """A setting as a path.

    Raises:
        ValueError: a URL of a store whose client is not installed, or of none that there is.
    """
    if isinstance(value, Path) or "://" not in str(value):
        return Path(str(value))
    try:
        found = UPath(str(value).rstrip("/"))
        found.fs  # noqa: B018  (the store's client is imported)
    except (ValueError, ImportError) as error:
        raise ValueError(
            f"{str(value)!r} cannot be used: {error}. The image has s3fs; see docs/distributed.md"
        ) from None
    return Path(found.path) if found.protocol in {"file", "local"} else found


def is_bucket(path: ResultFolder) -> bool:
    """Whether a path is an object's."""
    return not isinstance(path, Path)


def put(local: Path, target: ResultFolder) -> None:
    """Copy a file into a bucket; the object appears whole, in place of one of its name.

    Raises:
        StorageError: when the store refuses, or has not taken it for ``PATIENCE_S``.
    """
    _with_retries(f"{target} could not be written", lambda: target.fs.put_file(str(local), target.path))  # type: ignore[union-attr]  # a bucket's


def get(source: ResultFolder, local: Path) -> None:
    """Copy an object to a file of this machine. Raises as ``put``."""
    _with_retries(f"{source} could not be read", lambda: source.fs.get_file(source.path, str(local)))  # type: ignore[union-attr]


def list_objects(folder: ResultFolder) -> Iterator[ResultFolder]:
    """Every object below a path of a bucket, by name. Raises as ``put``."""
    system, path = folder.fs, folder.path  # type: ignore[union-attr]
    found = _with_retries(f"{folder} could not be listed", lambda: _find(system, path))
    for name in found:
        yield folder.joinpath(name[len(path.rstrip("/")) + 1 :])


def _find(system: object, path: str) -> list[str]:
    system.invalidate_cache()  # type: ignore[attr-defined]  # what other hosts wrote is not in it
    return sorted(system.find(path))  # type: ignore[attr-defined]


def remove(path: ResultFolder) -> None:
    """Remove an object, if it is there. Raises as ``put``."""

    def gone() -> None:
        try:
            path.fs.rm_file(path.path)  # type: ignore[union-attr]
        except FileNotFoundError:
            return

    _with_retries(f"{path} could not be removed", gone)


def _with_retries(what: str, do: Callable[[], Result]) -> Result:
    attempts = Retrying(
        retry=retry_if_not_exception_type(_FINAL),
        wait=wait_exponential(multiplier=0.5, max=10),
        stop=stop_after_delay(PATIENCE_S),
        before_sleep=lambda state: log.warning("%s (%s); asking again.", what, _words(state)),
        reraise=True,
    )
    try:
        return attempts(do)
    except Exception as error:  # stores raise whatever their client libraries raise
        said = f"{type(error).__name__}: {str(error)[:300]}"
        raise StorageError(f"{what}: {said}. Check address, credentials and rights of the bucket.") from error


def _words(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return f"{type(error).__name__}: {str(error)[:200]}"
