"""``anyanomaly query`` and ``coverage``: one statement, asked in a way that can change nothing."""

from collections.abc import Mapping
from typing import Any

from anyanomaly_core.cli.site import site
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.queries import QueryResult, run_sql


def ask(stack: str, statement: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
    """What a SELECT returns, asked as the user ``reader`` of a local installation, read only everywhere.

    Args:
        stack: name of the installation; empty: the only one.
        statement: a SELECT; with parameters, as psycopg2 writes them.
        parameters: values by name.

    Raises:
        ConfigurationError: when it is not clear which installation is meant.
        StorageError: when PostgreSQL refuses the statement, in its words, or it returns no rows.
    """
    with site(None, stack, user="reader") as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            return run_sql(engine, statement, parameters)
        finally:
            engine.dispose()
