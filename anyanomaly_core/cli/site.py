"""Which installation a command talks to: the one of the environment, or one under ``.local``."""

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anyanomaly_core.cli.output import note
from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from anyanomaly_core.embedded.installation import Installation

__all__ = ["database", "note", "site"]


@contextmanager
def database(stack: str = "", *, user: str = "scanner") -> Iterator[tuple["Engine", Settings]]:
    """Connections to an installation's results, with the rights of ``user``, and its settings."""
    from anyanomaly_core.results.engine import make_engine

    with site(None, stack, user=user) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            yield engine, settings
        finally:
            engine.dispose()


@contextmanager
def site(
    footage: Path | None, stack: str, *, configure: Mapping[str, str] | None = None, user: str = "scanner"
) -> Iterator[Settings]:
    """Settings of an installation whose database runs; a PostgreSQL that was started for it is stopped afterwards.

    With ``ANYANOMALY_DATABASE_URL`` in the environment, that is the installation and nothing is started.

    Args:
        footage: the archive; each has an installation of its own.
        stack: name of an installation, where no footage is given; empty: the default or the only one.
        configure: settings to remember before the start.
        user: of a local installation's database, as whom the command works.

    Raises:
        ConfigurationError: when there is no such installation, or it is not clear which is meant.
        StorageError: when the database cannot be reached, or is not the one that this version needs.
    """
    if "ANYANOMALY_DATABASE_URL" in os.environ:
        if stack:
            raise ConfigurationError(
                "--stack chooses an installation of this machine, but ANYANOMALY_DATABASE_URL names a database. "
                "Leave one of them out."
            )
        from anyanomaly_core.results.migrate import open_database

        settings = get_settings()
        open_database(settings.database_url.get_secret_value()).dispose()
        yield settings
        return
    from anyanomaly_core.embedded.installation import LOCAL, for_footage
    from anyanomaly_core.embedded.installations import choose_installation

    installation = for_footage(LOCAL, footage) if footage is not None else choose_installation(LOCAL, stack)
    if configure is not None:
        installation.configure(configure)
    with _running_database(installation):
        address = installation.postgres.url("anyanomaly", user)
        with _environment({**installation.task_environment(), "ANYANOMALY_DATABASE_URL": address}):
            yield get_settings()


@contextmanager
def _running_database(installation: "Installation") -> Iterator[None]:
    from anyanomaly_core.results import migrate

    ran_before = installation.postgres.is_running()
    installation.postgres.start()
    try:
        migrate.upgrade(installation.postgres.url("anyanomaly"))
        yield
    finally:
        if not ran_before:
            installation.postgres.stop()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Settings come from the environment: it holds these variables for a while, and then what it held before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    get_settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        get_settings.cache_clear()


def user_name() -> str:
    """Who works here, for what is kept on record; a user id without a name is one too."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
