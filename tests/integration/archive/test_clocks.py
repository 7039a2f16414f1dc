"""A camera's clock was wrong: times, events, views and Parquet files follow its correction; nothing is scored again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.archive import unit as scanning_unit
from anyanomaly_core.archive.clocks import correct_clocks, pending_corrections
from anyanomaly_core.archive.leftovers import find_leftovers
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import parquet
from anyanomaly_core.results.holds import hold_event, release_event
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY
from tests.integration.archive.test_scan import as_xcom, ingest_all, parquet_bytes, rows, scan_all
from tests.kills.snapshot import take

AN_HOUR = "clocks:\n  - {camera: hall, from: 2026-03-01 10:00, until: 2026-03-01 11:00, add: -11 h, why: never set}\n"
TIMES = "SELECT uri, recorded_at::text FROM videos ORDER BY uri"
EVENTS = """SELECT uri, rule, event_id::text, first_frame, peak_score, started_at::text, ended_at::text FROM event_list
ORDER BY uri, rule, event_id"""
NIGHT = 'name: night\ntexts: [a lamp]\nhours: "22:00-23:30"\nthreshold: 0.0\n'


@pytest.fixture
def clocks(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of corrections, empty at first; and a rule with hours."""
    path = tmp_path / "clocks.yaml"
    path.write_text("clocks: []\n")
    (world.rules / "night.yaml").write_text(NIGHT)
    monkeypatch.setenv("ANYANOMALY_CLOCKS", str(path))
    get_settings.cache_clear()
    return path


def everything(world: World) -> None:
    ingest_all(world)
    scan_all(as_xcom(scan.plan_units()))


def times(world: World) -> dict[str, str]:
    return dict(rows(world.engine, TIMES))


def no_leftovers(world: World) -> None:
    assert list(find_leftovers(world.engine, get_settings(), min_age_s=0)) == []


def test_a_correction_moves_everything_and_taking_it_back_does_too(world: World, clocks: Path) -> None:
    everything(world)
    before, files = take(world.engine, world.parquet), parquet_bytes(world.parquet)
    finished = rows(world.engine, "SELECT max(finished_at) FROM units")
    assert not [event for event in rows(world.engine, EVENTS) if event[1] == "night"]
    clocks.write_text(AN_HOUR)
    ingest_all(world)  # as every night
    # 10:00 less eleven hours is the evening before, in another month: another partition, other folders.
    assert times(world) == {
        f"gate/{DAY}/10-00-00.mp4": f"{DAY} 10:00:00+00",
        f"gate/{DAY}/11-00-00.mp4": f"{DAY} 11:00:00+00",
        f"hall/{DAY}/10-00-00.mp4": "2026-02-28 23:00:00+00",
        f"hall/{DAY}/11-00-00.mp4": f"{DAY} 11:00:00+00",
    }
    assert as_xcom(scan.plan_units()) == []
    assert rows(world.engine, "SELECT max(finished_at) FROM units") == finished
    night = [event for event in rows(world.engine, EVENTS) if event[1] == "night"]
    assert [(event[0], event[5]) for event in night] == [(f"hall/{DAY}/10-00-00.mp4", "2026-02-28 23:00:00+00")]
    stated = "SELECT recorded_at_source FROM videos WHERE uri LIKE 'hall/%/10-%'"
    assert rows(world.engine, stated) == [("path, -11 h because of its clock: never set",)]
    moved, moved_files = take(world.engine, world.parquet), parquet_bytes(world.parquet)
    assert any("date=2026-02-28" in name for name in moved_files)
    no_leftovers(world)

    clocks.write_text("clocks: []\n")
    ingest_all(world)
    assert take(world.engine, world.parquet) == before
    assert parquet_bytes(world.parquet) == files
    clocks.write_text(AN_HOUR)
    assert len(correct_clocks(world.engine, get_settings())) == 1
    assert correct_clocks(world.engine, get_settings()) == []
    assert take(world.engine, world.parquet) == moved
    no_leftovers(world)


def test_known_afterwards_or_from_the_start_gives_the_same_rows_and_bytes(
    world: World, clocks: Path, owner_engine: Engine
) -> None:
    everything(world)
    clocks.write_text(AN_HOUR)
    assert len(correct_clocks(world.engine, get_settings())) == 1
    moved, files = take(world.engine, world.parquet), parquet_bytes(world.parquet)
    with owner_engine.begin() as connection:
        for table in (
            "segment_scores",
            "events",
            "units",
            "segments",
            "video_stretches",
            "video_files",
            "video_cameras",
            "videos",
        ):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  (names of our own)
    for path in world.parquet.rglob("*.parquet"):
        path.unlink()
    everything(world)
    assert pending_corrections(world.engine, get_settings()) == []
    assert take(world.engine, world.parquet) == moved
    assert parquet_bytes(world.parquet) == files


def test_an_event_under_legal_hold_keeps_its_video_where_it_is(
    world: World, clocks: Path, owner_engine: Engine
) -> None:
    everything(world)
    [(event,)] = rows(world.engine, "SELECT min(event_id::text)::uuid FROM event_list WHERE uri LIKE 'hall/%/10-%'")
    hold_event(owner_engine, event, reason="case 7", person="ann")
    before = take(world.engine, world.parquet)
    clocks.write_text(AN_HOUR)
    assert correct_clocks(world.engine, get_settings()) == []
    [waiting] = pending_corrections(world.engine, get_settings())
    assert waiting.held
    assert waiting.add == timedelta(hours=-11)
    assert take(world.engine, world.parquet) == before
    release_event(owner_engine, event, reason="closed", person="ann")
    assert len(correct_clocks(world.engine, get_settings())) == 1
    assert pending_corrections(world.engine, get_settings()) == []
    no_leftovers(world)


def test_a_scan_under_way_does_not_bring_the_old_time_back(
    world: World, clocks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_all(world)
    [unit] = [unit for unit in as_xcom(scan.plan_units()) if unit["name"].startswith("hall")]
    commit = scanning_unit.commit_unit

    def corrected_meanwhile(*arguments: Any, **options: Any) -> int:  # noqa: ANN401
        clocks.write_text(AN_HOUR)
        correct_clocks(world.engine, get_settings())
        return commit(*arguments, **options)

    monkeypatch.setattr(scanning_unit, "commit_unit", corrected_meanwhile)
    with pytest.raises(StorageError, match=r"recording time .* was corrected while it was scored"):
        scan.scan_unit(unit)
    assert rows(world.engine, "SELECT count(*) FROM segment_scores") == [(0,)]
    monkeypatch.setattr(scanning_unit, "commit_unit", commit)
    scan.scan_unit(unit)  # as Airflow tries again: the scores come from the journal
    found = rows(world.engine, "SELECT min(started_at)::text FROM segment_results WHERE uri LIKE 'hall/%/10-%'")
    assert found == [("2026-02-28 23:00:00+00",)]
    no_leftovers(world)


def test_a_crash_between_files_and_commit_is_mended_by_the_next_try(
    world: World, clocks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(world)
    clocks.write_text(AN_HOUR.replace("-11 h", "-1 h"))  # the same day: the same files
    publish = parquet.publish

    def then_die(staged: Any) -> None:  # noqa: ANN401
        publish(staged)
        raise OSError("killed here")

    monkeypatch.setattr(parquet, "publish", then_die)
    with pytest.raises(OSError, match="killed here"):
        correct_clocks(world.engine, get_settings())
    monkeypatch.setattr(parquet, "publish", publish)
    assert len(pending_corrections(world.engine, get_settings())) == 1
    assert len(correct_clocks(world.engine, get_settings())) == 1
    frames = pyarrow.dataset.dataset(world.parquet / "frame_scores", partitioning="hive").to_table()
    in_files = sorted((row["video"], row["rule"], row["frame"], row["frame_at"]) for row in frames.to_pylist())
    in_sql = rows(
        world.engine,
        """SELECT content_sha256, rule, frame, frame_at FROM frame_scores JOIN videos USING (video_id)
           ORDER BY content_sha256, rule, frame""",
    )
    assert in_files == in_sql
    no_leftovers(world)
