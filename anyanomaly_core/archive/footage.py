"""Footage of an installation: its file on this machine, checked, and its privacy mask."""

from collections.abc import Collection
from pathlib import Path

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import sources
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.masks import Mask, load_masks
from anyanomaly_core.results.catalog import StoredVideo


def local_footage(settings: ArchiveSettings, uri: str) -> Path:
    """The file, copied from its bucket into the cache if the archive is one. Raises as ``sources.local_path``."""
    return sources.local_path(
        settings.archive_root,
        uri,
        cache=settings.state_dir / "footage-cache",
        cache_bytes=settings.footage_cache_mb << 20,
    )


def verified_footage(settings: ArchiveSettings, video: StoredVideo) -> Path:
    """The video's file, with the content that was registered.

    It is hashed again: that takes seconds where scoring takes minutes, and no clock fools it.

    Raises:
        FootageError: when the file is gone or holds another content.
    """
    path = local_footage(settings, video.uri)
    if sha256(path) != video.content_sha256:
        raise FootageError(f"{video.uri} holds another content than when it was registered; run the ingest again.")
    return path


def footage_mask(settings: ArchiveSettings, video: StoredVideo) -> Mask | None:
    """The mask in force now; None: there is none. Raises ConfigurationError when the mask file is wrong.

    Content that was found under several cameras is scored once and shown under each: what one of them hides is hidden.
    """
    return cameras_mask(settings, {video.camera_id, *video.cameras})


def cameras_mask(settings: ArchiveSettings, camera_ids: Collection[str]) -> Mask | None:
    """As ``footage_mask``, of content found under these cameras."""
    return load_masks(settings.privacy_masks).of(*camera_ids)
