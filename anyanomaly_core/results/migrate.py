"""Bring a results database up to date."""

from typing import cast

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import extensions as pg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.roles import GROUP_ROLES, OWNER, create_group_roles
from anyanomaly_core.results.sql_files import sql_folder


def upgrade(url: str, to: str = "head") -> str:
    """Run the migrations that are missing, in one transaction; returns the revision reached.

    Two processes may call it at once: the second waits and then finds nothing to do.

    Args:
        url: of a user that is a member of ``anyanomaly_owner``, or may create that role.
        to: revision to stop at.

    Raises:
        StorageError: when the database cannot be reached or the user may not migrate it.
    """
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('anyanomaly migrate', 0))"))
            _become_owner(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            return str(MigrationContext.configure(connection).get_current_revision())
    except (DBAPIError, psycopg2.Error) as error:
        raise StorageError(
            f"The results database could not be migrated: {str(getattr(error, 'orig', error)).strip()}"
        ) from error
    finally:
        engine.dispose()


def head() -> str:
    """The newest revision that this code knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def require_current(connection: Connection) -> None:
    """Raise StorageError when the database is not at the revision this code was written for."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found != head():
        raise StorageError(
            f"The results database is at revision {found}, this code needs {head()}; run `make up` or migrate it."
        )


def revisions() -> list[str]:
    """Every revision that this code knows, the oldest first."""
    return [str(script.revision) for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _config() -> Config:
    config = Config()
    # A % in a path would be read as interpolation.
    config.set_main_option("script_location", str(sql_folder() / "migrations").replace("%", "%%"))
    return config


def _become_owner(connection: Connection) -> None:
    """Everything is made as the owner role, whoever runs the migration."""
    cursor = cast("pg.cursor", connection.connection.cursor())
    cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", (list(GROUP_ROLES),))
    if cursor.fetchone() != (len(GROUP_ROLES),):
        create_group_roles(cursor)
        cursor.execute(f'GRANT "{OWNER}" TO CURRENT_USER')
    cursor.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", (OWNER,))
    if cursor.fetchone() != (True,):
        cursor.execute(f'GRANT CREATE ON SCHEMA public TO "{OWNER}"')
    cursor.execute(f'SET LOCAL ROLE "{OWNER}"')
    cursor.close()
