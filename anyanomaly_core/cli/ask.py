"""``anyanomaly query`` and ``coverage``: one statement, asked in a way that can change nothing."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ResourceClosedError

from anyanomaly_core.cli.site import site
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine


def ask(
    stack: str, statement: str, parameters: Mapping[str, Any] | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one statement, as the user ``reader`` of a local installation, read only everywhere.

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
            with engine.connect() as connection:
                connection.execute(text("SET TRANSACTION READ ONLY"))
                result = connection.exec_driver_sql(statement, None if parameters is None else dict(parameters))
                return list(result.keys()), [tuple(row) for row in result]
        except DBAPIError as error:
            raise StorageError(f"The database refused the statement: {str(error.orig).strip()}") from None
        except ResourceClosedError:
            raise StorageError("The statement returns no rows; a query is a SELECT.") from None
        finally:
            engine.dispose()
