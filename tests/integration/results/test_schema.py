import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import (
    cascades,  # noqa: F401  (their tables)
    certificates,  # noqa: F401
    evaluation_tables,  # noqa: F401
    region_store,  # noqa: F401
    search_tables,  # noqa: F401
)
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from anyanomaly_core.results.schema import metadata

ABOUT_COLUMNS = ("add_table", "remove_table", "add_column", "remove_column", "modify_nullable", "modify_type")


def test_the_code_sees_the_tables_as_the_migrations_make_them(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    flat = [change for entry in found for change in (entry if isinstance(entry, list) else [entry])]
    assert [change for change in flat if change[0] in ABOUT_COLUMNS] == []
    assert [change for change in flat if change[0] == "add_constraint"] == []


def test_every_table_and_view_says_what_it_is(owner_engine: Engine) -> None:
    query = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
               AND NOT relispartition AND relname <> 'alembic_version' AND obj_description(oid) IS NULL"""
    with owner_engine.connect() as connection:
        assert connection.execute(text(query)).scalars().all() == []


def test_an_ordinary_server_gets_the_same_roles_and_owner(postgres: PostgresServer) -> None:
    """As in docker-compose.yml: a plain database of a superuser, without the embedded set-up."""
    admin = make_engine(postgres.url("postgres", "postgres"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE plain"))
    try:
        upgrade(postgres.url("plain", "postgres"))
        engine = make_engine(postgres.url("plain", "reader"))
        with engine.connect() as connection:
            owners = connection.execute(text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"))
            assert owners.scalars().all() == ["anyanomaly_owner"]
        engine.dispose()
        with pytest.raises(StorageError, match="permission denied"):
            upgrade(postgres.url("plain", "scanner"))
    finally:
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("DROP DATABASE plain WITH (FORCE)"))
        admin.dispose()
