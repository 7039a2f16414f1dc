"""What every task needs of its installation."""

from sqlalchemy import Engine

from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.results.engine import make_engine


def database(settings: Settings | None = None) -> Engine:
    """Engine of the results database, with the rights of the tasks."""
    return make_engine((settings or get_settings()).database_url.get_secret_value())
