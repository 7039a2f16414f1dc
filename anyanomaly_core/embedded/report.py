"""What the results database of an installation says, asked as its user ``reader``, who may only read."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.results.engine import make_engine

Table = tuple[list[str], list[tuple[object, ...]]]


@contextmanager
def reader(installation: Installation) -> Iterator[Engine]:
    """Connections that may only read; the installation's PostgreSQL must run."""
    engine = make_engine(installation.postgres.url("anyanomaly", "reader"), pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()


def query(installation: Installation, statement: str, parameters: dict[str, object] | None = None) -> Table:
    """Column names and rows."""
    with reader(installation) as engine, engine.connect() as connection:
        result = connection.execute(text(statement), parameters or {})
        return list(result.keys()), [tuple(row) for row in result]
