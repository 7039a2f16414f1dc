"""The clip of an event: MP4 with H.264 that every browser plays, from the exact frame on, cut on demand and cached."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from anyanomaly_core.config import Settings


def event_clip(
    engine: Engine, settings: Settings, event_id: UUID, *, before_s: float = 3.0, after_s: float = 3.0
) -> Path:
    """The event with seconds before and after it, as far as its file has them, without sound.

    Raises:
        StorageError: there is no such event.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
    """
    raise NotImplementedError
