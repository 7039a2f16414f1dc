"""What every task needs of its installation."""

from contextlib import AbstractContextManager

from sqlalchemy import Engine

from anyanomaly_core.config import DatabaseSettings, Settings, get_settings
from anyanomaly_core.results.migrate import open_database
from anyanomaly_core.watchdog import watchdog


def database(settings: DatabaseSettings | None = None) -> Engine:
    """Engine of the results database, with the rights of the tasks; waits for a database that is away.

    Raises:
        StorageError: when it has not answered for ``database_patience_s``, or is not the one that this version needs.
    """
    settings = settings or get_settings()
    return open_database(settings.database_url.get_secret_value(), patience_s=settings.database_patience_s)


def stall_watchdog(settings: Settings) -> AbstractContextManager[None]:
    """Ends this task's process when it has stalled; the waiting that settings allow is not taken for a stall."""
    return watchdog(settings.stall_timeout_s + settings.database_patience_s + settings.lvlm_patience_s)
