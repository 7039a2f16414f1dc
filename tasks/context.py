"""What every task needs of its installation."""

from sqlalchemy import Engine

from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.patience import wait_for_database


def database(settings: Settings | None = None) -> Engine:
    """Engine of the results database, with the rights of the tasks; waits for a database that is away.

    Raises:
        StorageError: when it has not answered for ``database_patience_s``.
    """
    settings = settings or get_settings()
    engine = make_engine(settings.database_url.get_secret_value())
    wait_for_database(engine, settings.database_patience_s)
    return engine
