"""Fixtures that every test may use: one real PostgreSQL per test process, a fresh migrated database per test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from hypothesis import settings
from sqlalchemy import Engine

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade

# No deadline: the machine may be busy with training, and a slow example is not a wrong one.
settings.register_profile("anyanomaly", deadline=None)
settings.load_profile("anyanomaly")

_numbers = count(1)


class TestDatabase:
    """A migrated database of its own."""

    __test__ = False

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server, self.name = server, name

    def url(self, user: str = "scanner") -> str:
        """SQLAlchemy URL; users: anyanomaly (owner), scanner (writer), reviewer, reader, postgres."""
        return self.server.url(self.name, user)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """An embedded PostgreSQL on a free port, gone after the session."""
    # Not under pytest's own temporary folder: that one is closed to the user nobody, as whom root's server runs.
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-test-pg-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        _execute(server, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        upgrade(server.url())
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[TestDatabase]:
    """A fresh migrated database for one test."""
    yield from _copies(postgres)


@pytest.fixture(scope="module")
def module_database(postgres: PostgresServer) -> Iterator[TestDatabase]:
    """A fresh migrated database for the tests of one file."""
    yield from _copies(postgres)


@pytest.fixture
def make_database(postgres: PostgresServer) -> Iterator[Callable[[str], TestDatabase]]:
    """Makes databases without a table, by name."""
    made: list[str] = []

    def make(name: str) -> TestDatabase:
        _execute(postgres, f"CREATE DATABASE {name} OWNER anyanomaly")
        made.append(name)
        return TestDatabase(postgres, name)

    yield make
    for name in made:
        _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database: TestDatabase) -> Iterator[Engine]:
    """Connections with the writer's rights, as the tasks have them."""
    made = make_engine(database.url())
    yield made
    made.dispose()


@pytest.fixture
def owner_engine(database: TestDatabase) -> Iterator[Engine]:
    """Connections with the owner's rights to the same database."""
    made = make_engine(database.url("anyanomaly"))
    yield made
    made.dispose()


def _copies(server: PostgresServer) -> Iterator[TestDatabase]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    # A copy of the migrated database takes a tenth of the time of migrating a new one.
    _execute(server, f"CREATE DATABASE {name} TEMPLATE anyanomaly OWNER anyanomaly STRATEGY file_copy")
    try:
        yield TestDatabase(server, name)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: PostgresServer, *statements: str) -> None:
    connection = psycopg2.connect(server.url("postgres", "postgres").replace("+psycopg2", ""))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()
