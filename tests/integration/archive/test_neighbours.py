"""Broken neighbours of a scan: a full disk, a database that is away, a model server that misbehaves, odd clocks."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, text

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import ModelServerError, RuleError
from anyanomaly_core.models import openai_lvlm
from anyanomaly_core.models.openai_http import RetryPolicy
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import film
from tests.integration.archive.test_scan import SCORES, as_xcom, ingest_all, parquet_bytes, rows, scan_all
from tests.kills.stage import ModelServer, teach_model

# A disk of one page, in a mount namespace of its own, under the folder that is then full.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=4k none "$1" && shift && exec "$@"'
ONE_UNIT = "import sys, json, torch; torch.set_num_threads(1)\nfrom tasks.scan import scan_unit\n"
ONE_UNIT += "scan_unit(json.loads(sys.argv[1]))"


def on_a_small_disk(folder: Path, unit: dict[str, Any]) -> str:
    """What a worker says that finds ``folder`` on a disk with hardly any room."""
    folder.mkdir(parents=True, exist_ok=True)
    namespace = ["unshare", "--mount"] + (["--map-root-user"] if os.geteuid() else [])
    command = [*namespace, "sh", "-c", ON_A_SMALL_DISK, "sh", str(folder)]
    worker = [sys.executable, "-c", ONE_UNIT, json.dumps(unit)]
    done = subprocess.run([*command, *worker], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_full_disk_fails_the_unit_in_words_and_the_next_try_goes_on(world: World) -> None:
    ingest_all(world)
    unit = max(as_xcom(scan.plan_units()), key=lambda unit: unit["seconds"])
    said = on_a_small_disk(world.parquet, unit)
    assert "StorageError: Parquet files of video" in said
    assert "No space left on device" in said
    assert rows(world.engine, SCORES) == []
    assert rows(world.engine, "SELECT count(*) FROM units") == [(0,)]
    [journal] = world.journal.iterdir()
    scored = journal.stat().st_size

    said = on_a_small_disk(world.journal, unit)  # another worker, whose own state lies elsewhere
    assert "StorageError" in said
    assert "No space left on device" in said
    assert journal.stat().st_size == scored

    done = scan.scan_unit(unit)
    assert done["counts"]["videos"] == len(unit["videos"])
    assert [path for path in world.parquet.rglob("*") if path.is_file() and path.suffix != ".parquet"] == []
    assert list(world.journal.iterdir()) == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    started = ModelServer(teach_model(tmp_path_factory.mktemp("taught")))
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def served(world: World, profile: Path, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world with the language model behind a server, asked one request at a time."""
    wanted = yaml.safe_load(profile.read_text())
    wanted["lvlm"] = {"backend": "openai", "model": "tiny", "max_new_tokens": 8, "concurrency": 1}
    wanted["scoring"]["readout"] = "generate"
    (tmp_path / "served.yaml").write_text(yaml.safe_dump(wanted))
    monkeypatch.setenv("ANYANOMALY_PROFILE", str(tmp_path / "served.yaml"))
    monkeypatch.setenv("ANYANOMALY_LVLM_BASE_URL", server.url)
    monkeypatch.setenv("ANYANOMALY_LVLM_PATIENCE_S", "0")
    # as many tries as ever, without the waiting between them
    monkeypatch.setattr(openai_lvlm, "RetryPolicy", partial(RetryPolicy, first_wait_s=0.01, longest_wait_s=0.05))
    get_settings.cache_clear()
    server.faults()
    return world


def test_a_model_server_that_misbehaves_changes_no_score(
    served: World, server: ModelServer, owner_engine: Engine
) -> None:
    ingest_all(served)
    units = as_xcom(scan.plan_units())
    scan_all(units)
    expected, files = rows(served.engine, SCORES), parquet_bytes(served.parquet)
    assert {row[3] for row in expected} == {"scored"}
    forget(served, owner_engine)
    server.faults(*["ok", "429", "500", "close", "nonsense", "twice", "truncated", "503", "429", "twice", "slow"] * 6)
    scan_all(units)
    assert rows(served.engine, SCORES) == expected
    assert parquet_bytes(served.parquet) == files


def test_a_model_server_that_goes_away_fails_the_unit_until_it_is_back(
    served: World, server: ModelServer, owner_engine: Engine
) -> None:
    ingest_all(served)
    [unit, *_] = units = as_xcom(scan.plan_units())
    scan_all(units)
    expected = rows(served.engine, SCORES)
    forget(served, owner_engine)
    server.faults(*["ok"] * 8, "die")
    with pytest.raises(ModelServerError, match=r"cannot be reached after \d+ tries"):
        scan.scan_unit(unit)
    assert rows(served.engine, SCORES) == []
    server.revive()
    server.wait()
    for unit in units:
        scan.scan_unit(unit)
    assert rows(served.engine, SCORES) == expected
    assert list(served.journal.iterdir()) == []


def test_a_model_server_that_restarts_is_waited_for(
    served: World, server: ModelServer, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(served)
    units = as_xcom(scan.plan_units())
    scan_all(units)
    expected = rows(served.engine, SCORES)
    forget(served, owner_engine)
    monkeypatch.setenv("ANYANOMALY_LVLM_PATIENCE_S", "120")
    get_settings.cache_clear()
    server.faults(*["ok"] * 8, "die")
    back = threading.Timer(3.0, server.revive)
    back.start()
    scan_all(units)
    back.join()
    assert rows(served.engine, SCORES) == expected


def forget(world: World, owner: Engine) -> None:
    """All results, as if nothing had been scored yet."""
    for path in world.parquet.rglob("*.parquet"):
        path.unlink()
    with owner.begin() as connection:
        for statement in ("DELETE FROM segment_scores", "DELETE FROM events", "DELETE FROM units"):
            connection.execute(text(statement))


def test_a_rule_of_ten_thousand_characters_is_refused_in_words(world: World) -> None:
    ingest_all(world)
    (world.rules / "novel.yaml").write_text("name: novel\ntexts: ['" + "a very long story " * 556 + "']\n")
    with pytest.raises(RuleError, match=r"novel\.yaml.*texts.*300"):
        apply_rule_files(world.engine, world.rules, author="test")
    assert rows(world.engine, "SELECT count(*) FROM rules WHERE name = 'novel'") == [(0,)]


def test_recordings_around_changes_of_the_clock_lose_and_double_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half past two comes twice on the one day, where a setting decides; it never comes on the other and is refused."""
    monkeypatch.setenv("ANYANOMALY_TIME_ZONE", "Europe/Berlin")
    monkeypatch.setenv("ANYANOMALY_REPEATED_HOUR", "earlier")
    get_settings.cache_clear()
    spring, autumn = "2026-03-29", "2026-10-25"
    names = [(day, clock) for day in (spring, autumn) for clock in ("01-59-58", "02-30-00", "03-30-00")]
    for number, (day, clock) in enumerate(names):
        film(world.archive / "clock" / day / f"{clock}.mp4", 40 + number)
    (world.rules / "night.yaml").write_text('name: night\ntexts: [a person]\nhours: "02:00-03:00"\nthreshold: 0.0\n')
    ingest_all(world)
    scan_all(as_xcom(scan.plan_units(rules=["night"], cameras=["clock"])))
    at = dict(rows(world.engine, "SELECT uri, recorded_at::text FROM videos WHERE camera_id = 'clock'"))
    assert at == {
        f"clock/{spring}/01-59-58.mp4": f"{spring} 00:59:58+00",
        f"clock/{spring}/03-30-00.mp4": f"{spring} 01:30:00+00",
        f"clock/{autumn}/01-59-58.mp4": "2026-10-24 23:59:58+00",
        f"clock/{autumn}/02-30-00.mp4": f"{autumn} 00:30:00+00",  # twice on the clock
        f"clock/{autumn}/03-30-00.mp4": f"{autumn} 02:30:00+00",
    }
    scored = "SELECT uri, count(score) FROM frame_scores WHERE rule = 'night' AND camera = 'clock' GROUP BY uri"
    frames = dict(rows(world.engine, scored))  # one of them lies under another camera as well
    assert sorted(frames.values()) == [40, 42, 43, 44, 45]
    never = "SELECT uri, problem FROM video_files WHERE problem IS NOT NULL AND uri LIKE 'clock/%'"
    [(uri, problem)] = rows(world.engine, never)
    assert uri == f"clock/{spring}/02-30-00.mp4"
    assert "02:30:00" in problem
    sums = rows(
        world.engine,
        "SELECT max(video_seconds), sum(seconds) FROM coverage WHERE camera = 'clock' AND rule = 'night' GROUP BY uri",
    )
    assert [parts for _, parts in sums] == pytest.approx([whole for whole, _ in sums], abs=0.01)
    # On the clock of the camera: two seconds before two o'clock are left out in autumn; in spring three follows on.
    first = "SELECT uri, min(started_at AT TIME ZONE 'UTC')::time::text FROM event_list WHERE rule = 'night' GROUP BY 1"
    events = dict(rows(world.engine, first))
    assert events == {f"clock/{autumn}/01-59-58.mp4": "00:00:00", f"clock/{autumn}/02-30-00.mp4": "00:30:00"}
