"""Which installation a command talks to: the one of the environment, or one under ``.local``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.embedded import services
from anyanomaly_core.embedded.installation import LOCAL, Installation, for_footage
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.results import migrate


@contextmanager
def site(
    footage: Path | None, stack: str, *, configure: dict[str, str] | None = None, user: str = "scanner"
) -> Iterator[Settings]:
    """Settings of an installation whose database runs; a PostgreSQL that was started for it is stopped afterwards.

    With ``ANYANOMALY_DATABASE_URL`` in the environment, that is the installation and nothing is started.

    Args:
        footage: the archive; each has an installation of its own.
        stack: name of an installation, where no footage is given; empty: the only one there is.
        configure: settings to remember before the start.
        user: of a local installation's database, as whom the command works.

    Raises:
        ConfigurationError: when there is no such installation, or it is not clear which is meant.
        StorageError: when the database cannot be reached, or is not the one that this version needs.
    """
    if "ANYANOMALY_DATABASE_URL" in os.environ:
        settings = get_settings()
        migrate.open_database(settings.database_url.get_secret_value()).dispose()
        yield settings
        return
    installation = for_footage(LOCAL, footage) if footage is not None else _chosen(stack)
    if configure is not None:
        installation.configure(configure)
    ran_before = installation.postgres.is_running()
    installation.postgres.start()
    try:
        migrate.upgrade(installation.postgres.url("anyanomaly"))
        os.environ.update(installation.task_environment())
        os.environ["ANYANOMALY_DATABASE_URL"] = installation.postgres.url("anyanomaly", user)
        get_settings.cache_clear()
        yield get_settings()
    finally:
        if not ran_before:
            installation.postgres.stop()


def _chosen(stack: str) -> Installation:
    found = services.installations(LOCAL)
    chosen = [installation for installation in found if stack in {"", installation.name}]
    if len(chosen) == 1:
        return chosen[0]
    if not found:
        raise ConfigurationError(f"There is no installation under {LOCAL}; `anyanomaly scan FOOTAGE` makes one.")
    names = ", ".join(installation.name for installation in found)
    raise ConfigurationError(f"Say which installation: --stack NAME, one of {names}.")


def note(text: str) -> None:
    """Tell the person at the terminal something that is not part of the output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (a command's own words)
