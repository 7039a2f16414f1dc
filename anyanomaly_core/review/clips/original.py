"""The original file of a video, checked to be the one that was scored."""

import os
from functools import lru_cache
from pathlib import Path

from anyanomaly_core.archive.footage import local_footage
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.results.catalog import StoredVideo


def original_file(settings: Settings, video: StoredVideo) -> Path:
    """The video's file on this machine, copied from its bucket if need be.

    A file is hashed again whenever its size, time of change or inode differ from the last time.

    Raises:
        FootageError: it is gone, or holds another content than at ingest.
    """
    path = local_footage(settings, video.uri)
    try:
        state = path.stat()
    except OSError as error:
        raise FootageError(f"The footage {video.uri} is not there: {error.strerror}.") from None
    require_content(video, _cached_sha256(os.fspath(path), state.st_ino, state.st_size, state.st_mtime_ns))
    return path


def require_content(video: StoredVideo, digest: str) -> None:
    """Raise FootageError when ``digest`` is not the SHA-256 that was registered."""
    if digest != video.content_sha256:
        raise FootageError(
            f"{video.uri} no longer holds what was scored: its SHA-256 is {digest}, at ingest it was "
            f"{video.content_sha256}. Restore the file, or run the ingest and the scan again."
        )


@lru_cache(maxsize=4096)
def _cached_sha256(path: str, _inode: int, _size: int, _modified: int) -> str:
    """The key is text: as a key, the path of a bucket's copy would keep the copy for ever."""
    return sha256(path)
