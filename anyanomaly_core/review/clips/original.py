"""The original file of an event, with proof that it still is the one that was scored."""

from functools import lru_cache
from pathlib import Path

from anyanomaly_core.archive.footage import local_footage
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.results.catalog import StoredVideo


def original(settings: Settings, video: StoredVideo) -> Path:
    """The video's file on this machine, fetched from its bucket if need be.

    A file is hashed again whenever its size, time of change or place on disk differ from the last time.

    Raises:
        FootageError: it is gone, or holds another content than at ingest.
    """
    path = local_footage(settings, video.uri)
    try:
        state = path.stat()
    except OSError as error:
        raise FootageError(f"The footage {video.uri} is not there: {error.strerror}.") from None
    check(video, _hashed(path, state.st_ino, state.st_size, state.st_mtime_ns))
    return path


def check(video: StoredVideo, digest: str) -> None:
    """Raises FootageError when ``digest`` is not the content that was registered."""
    if digest != video.content_sha256:
        raise FootageError(
            f"{video.uri} no longer holds what was scored: its SHA-256 is {digest}, at ingest it was "
            f"{video.content_sha256}. Restore the file, or run the ingest and the scan again."
        )


@lru_cache(maxsize=4096)
def _hashed(path: Path, _inode: int, _size: int, _modified: int) -> str:
    return sha256(path)
