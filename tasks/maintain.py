"""Task of the DAG ``maintain_archive``."""

import logging
from typing import Any

from anyanomaly_core.archive.maintenance import maintain
from anyanomaly_core.config import get_settings
from tasks.context import database

log = logging.getLogger(__name__)


def maintain_archive(*, dry_run: bool, scheduled: bool, min_age_hours: float) -> dict[str, Any]:
    """Remove what is past its retention and what nothing needs, or list it.

    Args:
        dry_run: list only. A scheduled run does as the installation's setting says instead.
        scheduled: nobody chose anything in a form.
        min_age_hours: unfinished files younger than this may still be written to.

    Returns:
        Counts by kind, and the first of everything by name.

    Raises:
        StorageError: when the database refuses; what was removed by then stays removed.
    """
    settings = get_settings()
    apply = settings.maintenance_removes if scheduled else not dry_run
    if scheduled and not apply:
        log.info("Nothing is removed: ANYANOMALY_MAINTENANCE_REMOVES is not set for scheduled runs.")
    engine = database(settings)
    report = maintain(engine, settings, apply=apply, min_age_s=min_age_hours * 3600)
    engine.dispose()
    return report.to_json()
