"""The content hash that names a video whatever its path."""

import hashlib
from pathlib import Path

from anyanomaly_core.errors import FootageError


def sha256(path: str | Path) -> str:
    """64 hex digits over the file's bytes, read in constant memory. Raises FootageError when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FootageError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
