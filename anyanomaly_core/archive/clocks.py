"""Recording times follow the file of clock corrections: at ingest, and whenever it has changed."""

import logging

from sqlalchemy import Engine

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.footage.clocks import in_words, load_clocks
from anyanomaly_core.results.clock_store import Move, move, wanted_moves
from anyanomaly_core.results.schema import videos

log = logging.getLogger(__name__)
_NAMED = 20  # in the log, each


def pending_moves(engine: Engine, settings: ArchiveSettings, *, content_sha256: str | None = None) -> list[Move]:
    """Videos, or the one with this content, whose recording time is not what the file of corrections says.

    Raises:
        ConfigurationError: the file is wrong.
    """
    only = () if content_sha256 is None else (videos.c.content_sha256 == content_sha256,)
    with engine.connect() as connection:
        return wanted_moves(connection, load_clocks(settings.clocks, settings.time_zone), *only)


def correct_clocks(engine: Engine, settings: ArchiveSettings, *, content_sha256: str | None = None) -> list[Move]:
    """Move every such video, with its scores, events and files; those under legal hold stay. Returns what was moved.

    Each is moved in a transaction of its own, so this can be stopped and run again at any time.

    Raises:
        ConfigurationError: the file is wrong; nothing was moved.
        StorageError: a video's files could not be written; those before it were moved.
    """
    clocks = load_clocks(settings.clocks, settings.time_zone)
    moved = []
    for wanted in pending_moves(engine, settings, content_sha256=content_sha256):
        if wanted.held:
            log.warning("%s stays at its time: an event of it is under legal hold", wanted.uri)
        elif move(engine, wanted, clocks, settings.parquet_root, compression=settings.parquet_compression):
            moved.append(wanted)
    for wanted in moved[:_NAMED]:
        log.info("%s began at %s: %s to the time it states", wanted.uri, wanted.moved_to, in_words(wanted.add))
    if len(moved) > _NAMED:
        log.info("... and %d more videos", len(moved) - _NAMED)
    return moved
