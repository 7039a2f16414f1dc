"""Databases and login users of the embedded server, each user with a generated password."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import extensions as pg
from psycopg2 import sql

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.roles import GROUP_ROLES, create_group_roles

SUPERUSER = "postgres"
# Login user -> the group roles whose rights it has. What each may do: docs/sql.md.
LOGIN_USERS: dict[str, tuple[str, ...]] = {
    "airflow": (),
    "anyanomaly": ("anyanomaly_owner",),
    "scanner": ("anyanomaly_writer",),
    "reviewer": ("anyanomaly_reviewer",),
    "reader": ("anyanomaly_reader",),
}
DATABASES = {"airflow": "airflow", "anyanomaly": "anyanomaly"}  # database -> owner


def read_passwords(path: Path) -> dict[str, str]:
    """User -> password; raises StorageError when the file is gone or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(
            f"The passwords of the embedded PostgreSQL cannot be read from {path} ({type(error).__name__}). "
            f"Restore that file; without it the databases beside it cannot be opened."
        ) from None
    return {str(user): str(password) for user, password in found.items()}


def make_passwords(path: Path) -> dict[str, str]:
    """Generate the password file (mode 0600) unless it is there already, and read it."""
    if not path.exists():
        passwords = {user: secrets.token_hex(24) for user in (SUPERUSER, *LOGIN_USERS)}
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(passwords, file, indent=1)
        part.rename(path)
    return read_passwords(path)


def create_users_and_databases(port: int, passwords: dict[str, str]) -> None:
    """Create what is missing; running it again changes nothing but the passwords, back to the file's."""
    with _superuser(port, passwords[SUPERUSER], "template1") as cursor:  # and so in every database that is made later
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    with _superuser(port, passwords[SUPERUSER], "postgres") as cursor:
        create_group_roles(cursor)
        for user, groups in LOGIN_USERS.items():
            _create_user(cursor, user, passwords[user], groups)
        for database, owner in DATABASES.items():
            _create_database(cursor, database, owner)
    with _superuser(port, passwords[SUPERUSER], "anyanomaly") as cursor:  # of an installation from before
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")


@contextmanager
def _superuser(port: int, password: str, database: str) -> Iterator[pg.cursor]:
    connection = psycopg2.connect(
        host="127.0.0.1", port=port, connect_timeout=10, user=SUPERUSER, password=password, dbname=database
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _create_user(cursor: pg.cursor, user: str, password: str, groups: tuple[str, ...]) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    # The server only ever sees the hash, so no statement it might log contains a password.
    hashed = pg.encrypt_password(password, user, scope=cursor.connection, algorithm="scram-sha-256")
    name = sql.Identifier(user)
    cursor.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(sql.SQL(verb), name, sql.Literal(hashed)))
    for group in groups:
        cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))


def _create_database(cursor: pg.cursor, database: str, owner: str) -> None:
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
    if cursor.fetchone():
        return
    cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner)))
    # By default everybody may connect everywhere; the reader of the results has no business with Airflow's tables.
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    if database == "anyanomaly":
        groups = sql.SQL(", ").join(map(sql.Identifier, GROUP_ROLES))
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE anyanomaly TO {}").format(groups))
        cursor.execute("GRANT CREATE ON DATABASE anyanomaly TO anyanomaly_owner")
