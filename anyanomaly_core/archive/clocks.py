"""Recording times follow the file of clock corrections: at ingest, and whenever it has changed."""

import logging

from sqlalchemy import Engine

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.footage.clocks import describe_correction, load_clocks
from anyanomaly_core.footage.layout import zone_of_times
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.results.clock_store import TimeCorrection, ZoneOfTimes, correct_time, find_corrections
from anyanomaly_core.results.schema import videos

log = logging.getLogger(__name__)
_NAMED = 20  # in the log, each


def pending_corrections(
    engine: Engine, settings: ArchiveSettings, *, content_sha256: str | None = None
) -> list[TimeCorrection]:
    """Videos, or the one with this content, whose recording time is not what the file of corrections says.

    Raises:
        ConfigurationError: the file is wrong.
    """
    only = () if content_sha256 is None else (videos.c.content_sha256 == content_sha256,)
    with engine.connect() as connection:
        return find_corrections(connection, load_clocks(settings.clocks), _zones(settings), *only)


def _zones(settings: ArchiveSettings) -> ZoneOfTimes:
    """Moments in the file are as the footage states them: in the zone of its layout, else of its camera."""
    zones = Zones.of_settings(settings)
    return lambda camera, uri: zone_of_times(uri, settings.archive_layout, zones, camera)


def correct_clocks(
    engine: Engine, settings: ArchiveSettings, *, content_sha256: str | None = None
) -> list[TimeCorrection]:
    """Move every such video, with its scores, events and files; those under legal hold stay. Returns what was moved.

    Each is moved in a transaction of its own, so this can be stopped and run again at any time.

    Raises:
        ConfigurationError: the file is wrong; nothing was moved.
        StorageError: a video's files could not be written; those before it were moved.
    """
    clocks, zones = load_clocks(settings.clocks), _zones(settings)
    root, compression = settings.parquet_root, settings.parquet_compression
    moved = []
    for wanted in pending_corrections(engine, settings, content_sha256=content_sha256):
        if wanted.held:
            log.warning("%s stays at its time: an event of it is under legal hold", wanted.uri)
        elif correct_time(engine, wanted, clocks, zones, root, compression=compression):
            moved.append(wanted)
    for wanted in moved[:_NAMED]:
        log.info(
            "%s began at %s: %s to the time it states", wanted.uri, wanted.target_time, describe_correction(wanted.add)
        )
    if len(moved) > _NAMED:
        log.info("... and %d more videos", len(moved) - _NAMED)
    return moved
