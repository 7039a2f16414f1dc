"""Bring a results database up to date: revisions change the tables, views are made as their files say."""

from hashlib import sha256
from typing import cast

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import extensions as pg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.roles import GROUP_ROLES, OWNER, create_group_roles
from anyanomaly_core.results.sql_files import run_sql_file, sql_folder, view_files
from anyanomaly_core.results.waiting import wait_for_database

_BASELINE = "0016"


def upgrade(url: str, to: str = "head") -> str:
    """Run the migrations that are missing, in one transaction; returns the revision reached.

    Views are made anew when one of their files has changed. Two processes may call it at once: the second waits and
    then finds nothing to do.

    Args:
        url: of a user that is a member of ``anyanomaly_owner``, or may create that role.
        to: revision to stop at; short of the newest, views stay as they are.

    Raises:
        StorageError: when the database cannot be reached, the user may not migrate it, or this version does not know
            its revision.
    """
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('anyanomaly migrate', 0))"))
            _require_vectors(connection)
            _become_owner(connection)
            _require_known(_revision(connection))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            if to == "head" and _views_there(connection) != _views_digest():
                _make_views(connection)
            return str(_revision(connection))
    except (DBAPIError, psycopg2.Error) as error:
        raise StorageError(
            f"The results database could not be migrated: {str(getattr(error, 'orig', error)).strip()}"
        ) from error
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The newest revision that this code knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def open_database(url: str, *, patience_s: float = 0.0, pool_size: int = 2) -> Engine:
    """An engine of a results database that answers and is the one that this version needs.

    Args:
        url: as for `make_engine`.
        patience_s: how long to wait for a database that is away.
        pool_size: connections that are kept open.

    Raises:
        StorageError: when it has not answered in that time, or `require_current` says what must be done first.
    """
    engine = make_engine(url, pool_size=pool_size)
    try:
        wait_for_database(engine, patience_s)
        with engine.connect() as connection:
            require_current(connection)
    except StorageError:
        engine.dispose()
        raise
    return engine


def require_current(connection: Connection) -> None:
    """Raise StorageError when tables or views of the database are not those that this code was written for."""
    found = _revision(connection)
    _require_known(found)
    if found is None:
        problem = "has no tables yet"
    elif found != newest_revision():
        problem = f"is at revision {found}, and this version of the software needs {newest_revision()}"
    elif _views_there(connection) != _views_digest():
        problem = "has views of another version of the software"
    else:
        return
    raise StorageError(
        f"The results database {problem}. `make up` brings an installation under .local up to date, `docker compose "
        "run --rm prepare` the one of docker-compose.yml, and `anyanomaly migrate` any other."
    )


def schema_revisions() -> list[str]:
    """Every revision that this code knows, the oldest first."""
    return [str(script.revision) for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_known(revision: str | None) -> None:
    if revision is None or revision in schema_revisions():
        return
    if revision < _BASELINE:
        raise StorageError(
            f"The results database is at revision {revision} of a development version from before 0.1.0, which this "
            f"version cannot upgrade. Upgrade it with the last development version (revision {_BASELINE}) first, or "
            "start a new database and scan again."
        )
    raise StorageError(
        f"The results database is at revision {revision}, which this version of the software does not know (its newest "
        f"is {newest_revision()}): a newer version has upgraded it. Install that version."
    )


def _views_digest() -> str:
    """What the files of all views say, in a word."""
    return sha256(b"".join(path.read_bytes() for path in view_files())).hexdigest()


def _views_there(connection: Connection) -> str | None:
    """Digest of the files that the database's views were made from; None when it was never noted."""
    noted = connection.execute(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")).scalar()
    return None if noted is None else str(noted).removeprefix("views ")


def _make_views(connection: Connection) -> None:
    for path in view_files():
        run_sql_file(connection, path)
    connection.execute(text(f"COMMENT ON TABLE alembic_version IS 'views {_views_digest()}'"))


def _config() -> Config:
    config = Config()
    # A % in a path would be read as interpolation.
    config.set_main_option("script_location", str(sql_folder() / "migrations").replace("%", "%%"))
    return config


def _require_vectors(connection: Connection) -> None:
    """The index of footage is made of pgvector's types, an extension that only a superuser may add to a database."""
    if connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")).first() is not None:
        return
    if connection.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")).first() is None:
        raise StorageError(
            "The server of the results database has no pgvector. Install it there (Debian: the package "
            "postgresql-18-pgvector; Docker: the image pgvector/pgvector:pg18), then migrate again."
        )
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION vector"))
    except DBAPIError as error:
        raise StorageError(
            f"The results database needs the extension pgvector, and this user may not add it "
            f"({str(error.orig).strip().splitlines()[0]}). Let a superuser say CREATE EXTENSION vector in it once."
        ) from None


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
