"""Connections to the results database."""

from sqlalchemy import Engine, create_engine

_OPTIONS = "-c timezone=UTC -c join_collapse_limit=6 -c from_collapse_limit=6"


def make_engine(url: str, *, pool_size: int = 2) -> Engine:
    """An engine for one process; sessions speak UTC.

    Views join up to ten tables: trying all orders of more than six takes the planner longer than the answer. Statements
    that insert many rows go to the server a hundred at a time.

    Args:
        url: ``postgresql+psycopg2://user:password@host:port/database``.
        pool_size: connections kept open; a task needs one.
    """
    return create_engine(
        url,
        pool_size=pool_size,
        pool_pre_ping=True,
        executemany_mode="values_plus_batch",
        connect_args={"application_name": "anyanomaly", "options": _OPTIONS, "connect_timeout": 10},
    )
