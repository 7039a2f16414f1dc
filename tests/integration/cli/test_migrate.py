"""A database that is not the one this version needs stops commands and tasks, and `anyanomaly migrate` mends it."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from anyanomaly_core.config import DatabaseSettings
from anyanomaly_core.errors import StorageError
from tasks.context import database as open_for_task
from tests.conftest import TestDatabase


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "anyanomaly_core.cli", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANYANOMALY_")} | variables
    environment |= {f"ANYANOMALY_{name}": "/nowhere" for name in ("ARCHIVE_ROOT", "PARQUET_ROOT", "STATE_DIR")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_commands_and_tasks_need_a_migrated_database(make_database: Callable[[str], TestDatabase]) -> None:
    made = make_database("for_commands")
    scanner, owner = made.url("scanner"), made.url("anyanomaly")
    settings = DatabaseSettings(database_url=SecretStr(scanner), database_patience_s=1)
    refused = run("rules", "list", ANYANOMALY_DATABASE_URL=scanner)
    assert refused.returncode == 1
    assert "has no tables yet" in refused.stderr
    assert "`anyanomaly migrate`" in refused.stderr
    with pytest.raises(StorageError, match="has no tables yet"):
        open_for_task(settings)

    assert "Set OWNER_DATABASE_URL" in run("migrate").stderr
    assert "permission denied" in run("migrate", OWNER_DATABASE_URL=scanner).stderr
    migrated = run("migrate", OWNER_DATABASE_URL=owner)
    assert migrated.returncode == 0, migrated.stderr
    listed = run("rules", "list", "--json", ANYANOMALY_DATABASE_URL=scanner)
    assert (listed.returncode, listed.stdout.split()) == (0, ["[]"])
    open_for_task(settings).dispose()


def test_a_database_that_is_not_there_is_named_as_such() -> None:
    nowhere = "postgresql+psycopg2://scanner:x@127.0.0.1:1/anyanomaly"
    refused = run("rules", "list", ANYANOMALY_DATABASE_URL=nowhere)
    assert refused.returncode == 1
    assert "is ANYANOMALY_DATABASE_URL right?" in refused.stderr
    assert "Traceback" not in refused.stderr
