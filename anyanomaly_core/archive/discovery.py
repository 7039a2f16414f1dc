"""What is new in the archive since somebody last looked."""

import logging
from collections.abc import Sequence
from itertools import islice

from sqlalchemy import Connection, Engine, func, select

from anyanomaly_core import watchdog
from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import sources
from anyanomaly_core.footage.layout import compile_layout
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.types import FoundFile
from anyanomaly_core.results import catalog
from anyanomaly_core.results.schema import video_files
from anyanomaly_core.rules.cameras import matches

log = logging.getLogger(__name__)
_BATCH = 10_000  # files that are compared with the database in one statement


def find_new_files(
    engine: Engine,
    settings: ArchiveSettings,
    *,
    cameras: Sequence[str] = (),
    rescan: bool = False,
    most: int | None = None,
) -> list[FoundFile]:
    """Files that are new, changed, or had a problem, by walking the archive once.

    Known files are noted as still there; files that are gone are marked missing, unless only some cameras are
    looked at. However large the archive is, only what is returned and one batch of files are in memory.

    Args:
        engine: of the results database.
        settings: say where the archive is.
        cameras: ids or patterns; none: all.
        rescan: known, unchanged files too.
        most: return at most so many; the others are new the next time as well.

    Raises:
        ConfigurationError: when the layout is wrong.
        FootageError: when the archive root is not there, or is empty although it was not (not mounted?).
    """
    compile_layout(settings.archive_layout)  # one that is wrong is noticed before anything is
    with engine.connect() as connection:
        started = connection.execute(select(func.now())).scalar_one()
    known = 0
    waiting: list[FoundFile] = []
    zones = Zones.of_settings(settings)
    files = sources.list_files(settings.archive_root, settle_s=settings.settle_s)
    while batch := list(islice(files, _BATCH)):
        with engine.begin() as connection:
            known += catalog.touch_files(connection, [found.uri for found in batch])
            changed = batch if rescan else catalog.changed_files(connection, batch)
        room = None if most is None else most - len(waiting)
        stated = (sources.identify(settings.archive_root, found, settings.archive_layout, zones) for found in changed)
        wanted = (found for found in stated if not cameras or (found.camera and matches(found.camera, cameras)))
        waiting += islice(wanted, room)
        watchdog.feed()
    gone = 0
    with engine.begin() as connection:
        if not known and not waiting:
            _require_empty(connection, settings.archive_root)
        if not cameras:
            gone = catalog.mark_missing(connection, started)
    log.info("%d files known and there, %d new or changed, %d gone", known, len(waiting), gone)
    return waiting


def _require_empty(connection: Connection, root: str) -> None:
    if files := connection.execute(select(func.count()).select_from(video_files)).scalar_one():
        raise FootageError(
            f"The archive root {root} holds no footage, though {files} files are known. Is it mounted? If they really "
            "are gone, point ANYANOMALY_ARCHIVE_ROOT to a folder with any footage."
        )
