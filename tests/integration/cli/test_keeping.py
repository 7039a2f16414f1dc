"""Retention, holds and maintenance, as a person types them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anyanomaly_core.config import get_settings
from anyanomaly_core.results.engine import make_engine
from tasks.maintain import maintain_archive
from tests.conftest import TestDatabase
from tests.integration.results import world


@pytest.fixture
def environment(database: TestDatabase) -> Iterator[dict[str, str]]:
    """A filled installation that the environment names, as in Docker; its user is the owner."""
    with tempfile.TemporaryDirectory(prefix="anyanomaly-test-keeping-") as name:
        writer = make_engine(database.url())
        world.small_archive(writer, Path(name) / "parquet")
        world.add_video(writer, "gate/now.mp4", recorded_at=datetime.now(UTC))
        writer.dispose()
        yield {
            "ANYANOMALY_DATABASE_URL": database.url("anyanomaly"),
            "ANYANOMALY_PARQUET_ROOT": f"{name}/parquet",
            "ANYANOMALY_STATE_DIR": f"{name}/state",
            "ANYANOMALY_ARCHIVE_ROOT": name,
        }


def run(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "anyanomaly_core.cli", *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


def rows(environment: dict[str, str], *arguments: str) -> Any:  # noqa: ANN401  (any JSON)
    done = run(environment, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_year_of_a_security_managers_life(environment: dict[str, str]) -> None:
    refused = run(environment, "retention", "set", "door", "30")
    assert (refused.returncode, "there are gate, yard & co" in refused.stderr) == (1, True)
    assert run(environment, "retention", "set", "gate", "soon").returncode == 2
    assert run(environment, "retention", "set", "gate", "30", "--person", "ann").returncode == 0
    kept = {row["camera"]: (row["days"], row["set_by"]) for row in rows(environment, "retention", "list")}
    assert kept == {"gate": (30, "ann"), "yard & co": (None, None)}

    event = rows(environment, "query", "SELECT event_id FROM event_list WHERE uri = 'gate/1.mp4' LIMIT 1")[0][
        "event_id"
    ]
    assert run(environment, "hold", event, "--reason", "case 7", "--person", "ann").returncode == 0
    listed = {row["kind"] for row in rows(environment, "maintain")}
    assert listed == {"results", "kept", "scores", "parquet"}
    removed = run(environment, "maintain", "--apply")
    assert "Removed." in removed.stderr
    assert "case" not in removed.stdout
    assert {row["kind"] for row in rows(environment, "maintain")} == {"kept"}
    [held] = rows(environment, "query", "SELECT DISTINCT uri FROM event_list WHERE camera = 'gate'")
    assert held == {"uri": "gate/1.mp4"}

    assert run(environment, "release", event, "--reason", "closed", "--person", "bob").returncode == 0
    assert rows(environment, "holds") == []
    [past] = rows(environment, "holds", "--history")
    assert (past["reason"], past["released_by"], past["release_reason"]) == ("case 7", "bob", "closed")
    run(environment, "maintain", "--apply")
    longer = run(environment, "retention", "set", "gate", "forever")
    assert "2 videos that had expired are wanted again" in longer.stderr


def test_scheduled_runs_only_list_unless_the_installation_says_otherwise(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    orphan = Path(environment["ANYANOMALY_PARQUET_ROOT"]) / "frame_scores" / "x.parquet"
    orphan.write_text("x")
    removes: list[tuple[dict[str, bool], str, bool]] = [
        ({"dry_run": True, "scheduled": False}, "true", False),
        ({"dry_run": False, "scheduled": True}, "false", False),
        ({"dry_run": True, "scheduled": True}, "true", True),
    ]
    for how, setting, gone in removes:
        monkeypatch.setenv("ANYANOMALY_MAINTENANCE_REMOVES", setting)
        get_settings.cache_clear()
        report = maintain_archive(**how, min_age_hours=1)
        assert (report["applied"], report["counts"]["parquet_files"], orphan.exists()) == (gone, 1, not gone)
    get_settings.cache_clear()
