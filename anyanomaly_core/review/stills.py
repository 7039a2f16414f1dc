"""Pictures of an event: thumbnail, key frame, grid and attention image, made on demand and cached."""

from pathlib import Path
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from anyanomaly_core.config import Settings

Kind = Literal["thumbnail", "key", "grid", "attention"]


def event_still(engine: Engine, settings: Settings, event_id: UUID, kind: Kind, *, load_models: bool = False) -> Path:
    """A picture of an event: ``thumbnail`` is a JPEG of at most 320 pixels, the others are PNG.

    ``thumbnail``, ``key`` and ``grid`` come from recorded frame numbers and need no model. ``attention`` needs the
    profile's encoder: with ``load_models`` it is made here, otherwise it is only returned when it was made before
    (`anyanomaly evidence export` and the morning report make it).

    Raises:
        StorageError: there is no such event, or its scorer looked at no such picture.
        ModelError: ``attention`` was never made and ``load_models`` is not set.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
    """
    raise NotImplementedError
