"""The tasks of ingest and scan as Airflow calls them, without Airflow: complete, resumable, each failure alone."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import AnyAnomalyError, ConfigurationError, FootageError
from anyanomaly_core.results.run_failures import failures_of_run
from tasks import ingest, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, film
from tests.servers.webhook_server import receiver

FRAMES = {f"hall/{DAY}/10-00-00.mp4": 40, f"hall/{DAY}/11-00-00.mp4": 30, f"gate/{DAY}/10-00-00.mp4": 50}
SCORES = """
SELECT v.uri, s.scoring_id, s.segment_index, s.status, s.score, s.reason
FROM segment_scores s JOIN videos v USING (video_id) ORDER BY v.uri, s.scoring_id, s.segment_index"""


def as_xcom(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """What Airflow hands on; small, because it lies in its database."""
    carried = json.dumps(value)
    assert len(carried) < 5000
    return json.loads(carried)


def ingest_all(world: World) -> dict[str, Any]:
    chunks = as_xcom(ingest.discover_files())
    summary = ingest.summarize_ingest(chunks, [as_xcom(ingest.register_files(chunk)) for chunk in chunks])
    apply_rule_files(world.engine, world.rules, author="test")
    return as_xcom(summary)  # type: ignore[no-any-return]


def scan_all(units: list[Any]) -> dict[str, Any]:
    return as_xcom(scan.summarize_scan(units, [as_xcom(scan.scan_unit(u)) for u in units]))  # type: ignore[no-any-return]


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def parquet_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def test_every_frame_gets_a_score_once_and_a_new_rule_only_its_own(world: World) -> None:
    summary = ingest_all(world)
    assert (summary["files"], summary["frames"]) == (4, 120)
    assert (summary["counts"]["new"], summary["counts"]["unreadable"]) == (3, 1)
    units = as_xcom(scan.plan_units())
    assert sorted(len(unit["videos"]) for unit in units) == [1, 2]  # a unit holds one camera and day
    summary = scan_all(units)
    # Segments of 8 frames: 5 + 4 + 7 of them, for two rules.
    assert (summary["units"], summary["units_failed"], summary["rows_scored"]) == (2, 0, 32)
    per_video = rows(world.engine, "SELECT uri, count(*) FROM frame_scores WHERE score IS NOT NULL GROUP BY uri")
    assert dict(per_video) == {uri: 2 * frames for uri, frames in FRAMES.items()}
    files = [p for p in world.parquet.rglob("*.parquet") if p.relative_to(world.parquet).parts[0] == "frame_scores"]
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in files) == 2 * 120
    assert as_xcom(scan.plan_units()) == []
    assert rows(world.engine, "SELECT count(*) FROM scan_runs WHERE finished_at IS NULL") == [(0,)]

    (world.rules / "dog.yaml").write_text("name: dog\ntexts: [a dog]\n")
    apply_rule_files(world.engine, world.rules, author="test")
    units = as_xcom(scan.plan_units())
    assert {len(video["rules"]) for unit in units for video in unit["videos"]} == {1}
    assert scan_all(units)["rows_scored"] == 16
    assert as_xcom(scan.plan_units()) == []


def test_a_killed_scan_goes_on_and_equals_an_undisturbed_one(world: World, owner_engine: Engine) -> None:
    film(world.archive / "hall" / DAY / "09-00-00.mp4", 200, pattern="testsrc")
    ingest_all(world)
    unit = max(as_xcom(scan.plan_units()), key=lambda unit: unit["seconds"])
    child = worker(unit)
    deadline = time.monotonic() + 90
    while not any(path.stat().st_size for path in world.journal.glob("*.jsonl")):
        assert time.monotonic() < deadline, "no journal was written"
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert len(list(world.journal.iterdir())) == 1  # killed in the middle of the first video
    assert rows(world.engine, SCORES) == []
    scan.scan_unit(unit)
    assert list(world.journal.iterdir()) == []
    resumed, files = rows(world.engine, SCORES), parquet_bytes(world.parquet)
    assert resumed
    with owner_engine.begin() as connection:
        connection.execute(text("DELETE FROM segment_scores"))
        connection.execute(text("DELETE FROM units"))
    for path in world.parquet.rglob("*.parquet"):
        path.unlink()
    scan.scan_unit(unit)
    assert rows(world.engine, SCORES) == resumed
    assert parquet_bytes(world.parquet) == files


def test_two_workers_with_the_same_unit_score_it_once(world: World) -> None:
    ingest_all(world)
    unit = max(as_xcom(scan.plan_units()), key=lambda unit: unit["seconds"])
    workers = [worker(unit), worker(unit)]
    said = [json.loads(child.communicate(timeout=120)[0].splitlines()[-1]) for child in workers]
    assert [child.returncode for child in workers] == [0, 0]
    done = [counts["counts"].get("videos", 0) for counts in said]
    left = [counts["counts"].get("videos_done_before", 0) for counts in said]
    assert (sum(done), sum(left)) == (len(unit["videos"]), len(unit["videos"]))
    assert {attempts for (attempts,) in rows(world.engine, "SELECT attempts FROM units")} == {1}


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_a_file_that_is_gone_or_another_fails_alone_with_a_reason(world: World, change: str) -> None:
    ingest_all(world)
    uri = f"hall/{DAY}/10-00-00.mp4"
    units = as_xcom(scan.plan_units())
    if change == "gone":
        (world.archive / uri).rename(world.archive.parent / "unmounted.mp4")
    else:
        film(world.archive / uri, 40, pattern="smptehdbars")  # as long as before: only its content tells
    results: list[dict[str, Any] | None] = []
    said = ""
    for unit in units:
        try:
            results.append(scan.scan_unit(unit))
        except FootageError as error:
            said = str(error)
            results.append(None)
    assert said.startswith(f"1 of 2 videos could not be scored: {uri}")
    with pytest.raises(AnyAnomalyError, match=f"1 of 2 units of work failed: hall .*1 of 2 videos .*: {uri}"):
        scan.summarize_scan(units, results)
    [failed] = [unit for unit, result in zip(units, results, strict=True) if result is None]
    with world.engine.connect() as connection:
        assert failures_of_run(connection, failed["run_id"]) == {failed["name"]: said}
    covered = rows(world.engine, "SELECT DISTINCT uri, state, reason FROM coverage WHERE video_state = 'ready'")
    reasons = {row[0]: row[2] for row in covered if row[1] == "failed"}
    assert list(reasons) == [uri]
    assert ("cannot be read" if change == "gone" else "run the ingest again") in reasons[uri]
    assert {row[0] for row in covered if row[1] == "scored"} == set(FRAMES) - {uri}
    if change == "gone":  # and when it is back, the next try does it
        (world.archive.parent / "unmounted.mp4").rename(world.archive / uri)
        scan.scan_unit(failed)
        with world.engine.connect() as connection:
            assert failures_of_run(connection, failed["run_id"]) == {}
    if change == "replaced":  # and after the ingest it is scored as what it is
        ingest_all(world)
        [again] = as_xcom(scan.plan_units())
        assert scan_all([again])["videos"] == 1
        assert as_xcom(scan.plan_units()) == []


def worker(unit: dict[str, Any]) -> "subprocess.Popen[str]":
    code = (
        "import json, sys, torch; torch.set_num_threads(1); from tasks.scan import scan_unit;"
        "print(json.dumps(scan_unit(json.loads(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, json.dumps(unit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_new_events_are_told_while_the_scan_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(world)
    path = tmp_path / "alerts.yaml"
    monkeypatch.setenv("ANYANOMALY_ALERTS", str(path))
    path.write_text("targets: {ops: {kind: webhook}}")
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="connection"):
        scan.plan_units()
    path.write_text("targets: {ops: {kind: webhook, connection: ops, rules: [running], max_age_hours: 87600}}")
    units = as_xcom(scan.plan_units())
    with receiver() as hook:
        monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps({"host": hook.url, "password": "hush"}))
        scan_all(units)
    told = {json.loads(body)["data"]["event_id"] for _, _, body in hook.requests}
    found = rows(world.engine, "SELECT event_id::text FROM event_list WHERE rule = 'running'")
    assert told == {event for (event,) in found}
    assert len(hook.requests) == len(found) > 0
