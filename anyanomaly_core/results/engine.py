"""Connections to the results database."""

from sqlalchemy import Engine, create_engine


def make_engine(url: str, *, pool_size: int = 2) -> Engine:
    """An engine for one process; sessions speak UTC.

    Args:
        url: ``postgresql+psycopg2://user:password@host:port/database``.
        pool_size: connections kept open; a task needs one.
    """
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"application_name": "anyanomaly", "options": "-c timezone=UTC", "connect_timeout": 10},
    )
