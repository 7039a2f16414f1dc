"""Questions to the results: the ready ones in ``sql/queries``, and any other SQL, read-only.

A ready query is a file: comment lines with the question, one comment line per parameter
(``-- :name type = default  -- meaning``), then one statement that says ``:name``.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.errors import QueryCanceled
from sqlalchemy import Connection, CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError, did_you_mean
from anyanomaly_core.results.sql_files import sql_folder

_PARAMETER = re.compile(r"^-- :(\w+) ([\w ]+?) = (.*?)  -- (.+)$")
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a ready query; its default is SQL."""

    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReadyQuery:
    """A question and the SQL that answers it."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    statement: str

    def with_defaults(self) -> str:
        """The statement as it can be pasted anywhere, defaults in the place of parameters."""
        return self._fill({p.name: p.default for p in self.parameters})

    def with_binds(self, given: Mapping[str, Any]) -> str:
        """The statement with typed binds for the parameters given, and defaults for the others."""
        unknown = sorted(set(given) - {p.name for p in self.parameters})
        if unknown:
            known = did_you_mean(unknown[0], [p.name for p in self.parameters])
            raise StorageError(f"Query {self.name} has no parameter {unknown[0]!r}; {known}")
        binds = {p.name: f"CAST(:{p.name} AS {p.type})" for p in self.parameters if p.name in given}
        return self._fill({p.name: binds.get(p.name, p.default) for p in self.parameters})

    def _fill(self, values: Mapping[str, str]) -> str:
        # Not after a colon: "x::date" is a cast.
        return re.sub(r"(?<!:):([a-z]\w*)", lambda match: values.get(match[1], match[0]), self.statement)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def ready_queries() -> list[ReadyQuery]:
    """All queries of ``sql/queries``, by name."""
    return [_read(path) for path in sorted((sql_folder() / "queries").glob("*.sql"))]


def ready_query(name: str) -> ReadyQuery:
    """One ready query; raises StorageError when there is none of this name."""
    found = {query.name: query for query in ready_queries()}
    if name not in found:
        raise StorageError(f"There is no ready query {name!r}; {did_you_mean(name, found)}")
    return found[name]


def run_ready(
    engine: Engine, name: str, parameters: Mapping[str, Any] | None = None, *, limit: int | None = None
) -> QueryResult:
    """Run a ready query; parameters not given take their defaults. Raises StorageError."""
    given = dict(parameters or {})
    statement = ready_query(name).with_binds(given)
    with _read_only(engine, TIMEOUT_S) as connection:
        return _fetch(connection.execute(text(statement), given), limit)


def run_sql(
    engine: Engine,
    statement: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    limit: int | None = None,
    timeout_s: float = TIMEOUT_S,
) -> QueryResult:
    """Run any SQL in a transaction that cannot write.

    What may be read is up to the engine's user: give it the one of ``reader``.

    Args:
        engine: connections to the results database.
        statement: one SELECT.
        parameters: values for every ``%(name)s`` of the statement; without them its percent signs are its own.
        limit: rows to return at most.
        timeout_s: after so many seconds PostgreSQL stops the statement.

    Raises:
        StorageError: when PostgreSQL refuses or stops the statement, with its own message, or it returns no rows.
    """
    with _read_only(engine, timeout_s) as connection:
        connection.detach()  # a COMMIT in the statement would leave the next user of the connection read-only
        if parameters is None:
            result = connection.execution_options(no_parameters=True).exec_driver_sql(statement)
        else:
            result = connection.exec_driver_sql(statement, dict(parameters))
        return _fetch(result, limit)


@contextmanager
def _read_only(engine: Engine, timeout_s: float) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            # Of the session, not of the transaction, which the statement may end; the rollback takes both back.
            connection.execute(text("SET default_transaction_read_only = on"))
            connection.execute(text(f"SET statement_timeout = {round(timeout_s * 1000)}"))
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, QueryCanceled):
            raise StorageError(
                f"The query was stopped after {timeout_s:g} s. Ask for less, such as one rule, camera or day."
            ) from None
        raise StorageError(f"PostgreSQL refused the query: {str(error.orig).strip()}") from None


def _fetch(result: CursorResult[Any], limit: int | None) -> QueryResult:
    if not result.returns_rows:
        raise StorageError("The statement returns no rows; a query is a SELECT.")
    rows = result.fetchall() if limit is None else result.fetchmany(limit)
    return QueryResult(tuple(result.keys()), tuple(tuple(row) for row in rows))


def _read(path: Path) -> ReadyQuery:
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    found = [_PARAMETER.match(line) for line in lines[:end]]
    parameters = tuple(Parameter(m[1], m[2], m[3], m[4]) for m in found if m)
    question = " ".join(line.removeprefix("--").strip() for line, m in zip(lines[:end], found, strict=True) if not m)
    statement = "\n".join(lines[end:]).strip().removesuffix(";")
    used = set(re.findall(r"(?<!:):([a-z]\w*)", statement))
    if not question or not statement or used != {p.name for p in parameters}:
        raise StorageError(f"{path} must state its question, each of its parameters and one statement.")
    return ReadyQuery(path.stem, question, parameters, statement)
