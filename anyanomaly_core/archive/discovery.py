"""What is new in the archive since somebody last looked."""

import fnmatch
import logging
from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import sources
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.types import FoundFile
from anyanomaly_core.results import catalog

log = logging.getLogger(__name__)


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
    looked at.

    Args:
        engine: of the results database.
        settings: say where the archive is.
        cameras: ids or patterns; none: all.
        rescan: known, unchanged files too.
        most: return at most so many; the others are new the next time as well.

    Raises:
        FootageError: when the archive root is not there, or is empty although it was not (not mounted?).
    """
    with engine.begin() as connection:
        started = connection.execute(select(func.now())).scalar_one()
        known = catalog.known_files(connection)
    seen: list[str] = []
    waiting: list[FoundFile] = []

    def unchanged(uri: str, size: int, modified: float) -> bool:
        before = known.get(uri)
        return before is not None and (before.size, before.modified, before.problem) == (size, modified, None)

    archive = sources.discover(
        settings.archive_root,
        settings.archive_layout,
        Zones.of_settings(settings),
        settle_s=settings.settle_s,
        is_known=(lambda *_: False) if rescan else unchanged,
    )
    for found in archive:
        if found.uri in known:
            seen.append(found.uri)
        is_new = rescan or not unchanged(found.uri, found.size, found.modified)
        wanted = is_new and (not cameras or _matches(found.camera, cameras))
        if wanted and (most is None or len(waiting) < most):
            waiting.append(found)
    if known and not seen and not waiting:
        raise FootageError(
            f"The archive root {settings.archive_root} holds no footage, though {len(known)} files are known. "
            "Is it mounted? If they really are gone, point ANYANOMALY_ARCHIVE_ROOT to a folder with any footage."
        )
    with engine.begin() as connection:
        catalog.touch_files(connection, seen)
        gone = [] if cameras else catalog.mark_missing(connection, started)
    log.info("%d files known and there, %d new or changed, %d gone", len(seen), len(waiting), len(gone))
    return waiting


def _matches(camera: str | None, patterns: Sequence[str]) -> bool:
    return camera is not None and any(fnmatch.fnmatchcase(camera, pattern) for pattern in patterns)
