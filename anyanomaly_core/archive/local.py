"""Footage of the installation's archive as a file on this machine."""

from pathlib import Path

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.footage import sources


def local_footage(settings: ArchiveSettings, uri: str) -> Path:
    """The file, copied from its bucket into the cache if the archive is one. Raises as ``sources.local_path``."""
    return sources.local_path(
        settings.archive_root,
        uri,
        cache=settings.state_dir / "footage-cache",
        cache_bytes=settings.footage_cache_mb << 20,
    )
