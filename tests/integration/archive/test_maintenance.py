"""Maintenance: what goes, what stays, and that a dry run says exactly what the real one does."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from anyanomaly_core.archive.maintenance import MaintenanceReport, maintain
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import retention
from anyanomaly_core.results.holds import hold_event, release_event
from anyanomaly_core.results.orphans import Leftover, remove_orphan_parquet
from anyanomaly_core.results.planning import missing_units
from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'segment_scores'::regclass ORDER BY 1"
NOW = datetime.now(UTC)


def settings(tmp_path: Path) -> Settings:
    return Settings(
        archive_root=str(tmp_path / "archive"),
        database_url=SecretStr("none"),
        parquet_root=tmp_path / "parquet",
        state_dir=tmp_path / "state",
    )


def values(engine: Engine, query: str) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def put(path: Path, content: str = "x", *, age_s: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def both(engine: Engine, chosen: Settings, **options: float) -> MaintenanceReport:
    """A dry run, which changes nothing, and then the real one, which removes just that."""
    tables = "segment_scores", "events", "units", "segments", "verdicts", "scan_runs"
    before = [values(engine, f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608
    there = files(chosen.parquet_root) | files(chosen.state_dir) | files(chosen.embeddings_folder)
    dry = maintain(engine, chosen, **options)
    assert [values(engine, f"SELECT count(*) FROM {table}") for table in tables] == before  # noqa: S608
    assert files(chosen.parquet_root) | files(chosen.state_dir) | files(chosen.embeddings_folder) == there
    done = maintain(engine, chosen, apply=True, **options)
    assert (set(dry.videos), set(dry.held)) == (set(done.videos), set(done.held))
    assert set(dry.partitions) == set(done.partitions)
    assert {file.path for file in dry.files} == {file.path for file in done.files}
    left = files(chosen.parquet_root) | files(chosen.state_dir) | files(chosen.embeddings_folder)
    assert there - left == {file.path for file in done.files}
    return done


def test_an_archive_without_leftovers_stays_as_it_is(engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    world.small_archive(engine, chosen.parquet_root)
    assert both(engine, chosen, min_age_s=0).rows() == []
    assert values(engine, "SELECT kind FROM scan_runs") == []
    nowhere = settings(tmp_path / "elsewhere")
    assert len(files(chosen.parquet_root)) == 12
    assert maintain(engine, nowhere, apply=True).rows() == []


def test_orphans_and_drafts_go_and_nothing_else(engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    videos, rules, scorer = world.small_archive(engine, chosen.parquet_root)
    kept = files(chosen.parquet_root)
    one = sorted(kept)[0]
    events = [str(event) for event in values(engine, "SELECT event_id FROM events LIMIT 2")]
    day = one.parents[1]
    gone = {
        "parquet": [
            put(one.with_name(f"{'0' * 16}-{'0' * 12}.parquet")),  # a video nobody knows
            put(one.with_name(one.name.replace(one.name[17:29], "f" * 12))),  # a scorer nobody knows
            put(day.with_name("date=1999-01-01") / "camera=gate" / one.name),  # the recording time was corrected
            put(chosen.parquet_root / "segment_scores/rule=gone/version=1/x.parquet"),
        ],
        "temporary": [
            put(one.with_name(f".{one.name}.123-abcd"), age_s=7200),
            put(chosen.state_dir / "footage-cache" / "abc.mp4.123.part", age_s=7200),
            put(chosen.state_dir / "model-hashes.123.tmp", age_s=7200),
            put(chosen.state_dir / "clips" / f".{events[0]}.mp4", age_s=7200),
            put(chosen.state_dir / "evidence-abc" / "event-0001-00000000" / "clip.mp4", age_s=7200),
        ],
        "clip": [put(chosen.state_dir / "clips" / f"{world.digest('nobody knows')}-3-3-open-1.mp4")],
        "still": [put(chosen.state_dir / "stills" / f"{world.digest('nobody knows')}-1-1-7-key-open-1.png")],
        "embedding": [put(chosen.embeddings_folder / "aa" / ("a" * 64) / "abc" / "part" / "frames.npy")],
    }
    stay = [
        put(one.with_name(f".{one.name}.124-abcd"), age_s=60),  # perhaps of a commit under way
        put(chosen.state_dir / "footage-cache" / "abd.mp4"),
        put(chosen.state_dir / "model-hashes.json"),
        put(chosen.state_dir / "clips" / f"{world.digest('gate/1.mp4')}-3-3-open-1.mp4"),
        put(chosen.state_dir / "clips" / ".locks" / "017", age_s=7200),
        put(chosen.embeddings_folder / "ab" / world.digest("gate/1.mp4") / "abc" / "part" / "frames.npy"),
        put(chosen.parquet_root / "embeddings" / "x.npy"),  # not ours to judge
        put(chosen.parquet_root / "notes.txt"),
    ]
    done = both(engine, chosen, min_age_s=3600)
    found = {kind: {file.path for file in done.files if file.kind == kind} for kind in gone}
    assert found == {kind: set(paths) for kind, paths in gone.items()}
    assert len(done.files) == 12
    assert kept | set(stay) == files(tmp_path)
    assert not (chosen.embeddings_folder / "aa").exists()
    assert not (chosen.parquet_root / "segment_scores/rule=gone").exists()  # nor its empty folders
    assert values(engine, "SELECT summary ->> 'clip_files' FROM scan_runs WHERE kind = 'maintenance'") == ["1"]
    commit_unit(engine, world.unit_result(engine, videos[0], rules, scorer), chosen.parquet_root)
    assert maintain(engine, chosen, apply=True, min_age_s=3600).files == []


def test_a_file_that_is_committed_meanwhile_is_no_orphan(engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    world.small_archive(engine, chosen.parquet_root)
    for path in files(chosen.parquet_root):
        assert not remove_orphan_parquet(engine, chosen.parquet_root, Leftover("parquet", path, 1, "seen too early"))
        assert path.exists()


def test_journals_go_with_their_unit(engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    _, rules, scorer = world.small_archive(engine, chosen.parquet_root)
    world.add_video(engine, "gate/new.mp4")
    with engine.begin() as connection:
        connection.execute(text("UPDATE units SET state = 'done' WHERE video_id <> 1"))  # those of 1 may be tried again

    def journal(uri: str, scorer_digest: str = scorer.digest) -> Path:
        with Journal(chosen.state_dir / "journal", f"{world.digest(uri)}-{scorer_digest[:16]}") as opened:
            opened.append([world.segment_score(0, rule, 0.5) for rule in rules])
        return next((chosen.state_dir / "journal").glob(f"{world.digest(uri)}-{scorer_digest[:16]}*"))

    finished, partial, waiting = journal("yard/1.mp4"), journal("gate/1.mp4"), journal("gate/new.mp4")
    other_scorer, unknown = journal("yard/1.mp4", "e" * 64), journal("nobody knows")
    forgotten = put(journal("gate/2.mp4", "d" * 64), age_s=31 * 86400)
    (locked_name,) = (world.digest("gate/2.mp4") + "-" + scorer.digest[:16],)
    with Journal(chosen.state_dir / "journal", locked_name) as held:
        held.append([world.segment_score(0, rules[0], 0.5)])
        done = both(engine, chosen)
    assert {file.path for file in done.files} == {finished, unknown, forgotten}
    left = files(chosen.state_dir / "journal")
    assert left == {partial, waiting, other_scorer, chosen.state_dir / "journal" / f"{locked_name}.jsonl"}
    with engine.begin() as connection:
        connection.execute(text("UPDATE units SET attempts = 3"))
    assert {file.path for file in both(engine, chosen).files} == left - {waiting, other_scorer}


def _aged_archive(engine: Engine, root: Path) -> dict[str, int]:
    """Three old videos on gate, one of which begins in one month and ends in the next, one new; an old one on yard."""
    for camera in ("gate", "yard"):
        world.add_camera(engine, camera)
    at = {
        "gate/old-1": datetime(2025, 1, 10, tzinfo=UTC),
        "gate/old-2": datetime(2025, 1, 31, 23, 59, 50, tzinfo=UTC),
        "gate/held": datetime(2025, 3, 1, tzinfo=UTC),
        "gate/new": NOW - timedelta(days=2),
        "yard/old": datetime(2025, 2, 10, tzinfo=UTC),
    }
    ids = {uri: world.add_video(engine, uri, uri[:4], frames=600, recorded_at=when) for uri, when in at.items()}
    rules, scorer = (
        (world.add_rule(engine), world.add_rule(engine, "bike", texts=("a bicycle",))),
        world.add_scorer(engine),
    )
    for video_id in ids.values():
        commit_unit(engine, world.unit_result(engine, video_id, rules, scorer), root)
    return ids


def test_results_expire_by_camera_and_holds_keep_theirs(engine: Engine, owner_engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    ids = _aged_archive(engine, chosen.parquet_root)
    held_event = values(engine, f"SELECT event_id FROM events WHERE video_id = {ids['gate/held']}")[0]  # noqa: S608
    clips = [put(chosen.state_dir / "clips" / f"{world.digest(uri)}-1-2.mp4") for uri in ("gate/held", "gate/old-1")]
    assert both(engine, chosen).rows() == []  # nobody said how long anything is kept
    assert retention.set_retention(owner_engine, "gate", 30, person="ann") == 0
    hold_event(owner_engine, held_event, reason="case 7", person="ann")  # type: ignore[arg-type]
    done = both(engine, chosen)
    assert [name.split()[0] for name in done.videos] == ["gate/old-1", "gate/old-2"]
    assert [name.split()[0] for name in done.held] == ["gate/held"]
    # January held nothing else and was dropped; February holds yard as well.
    assert done.partitions == {"segment_scores_2025_01": "dropped", "segment_scores_2025_02": "rows deleted"}
    assert "segment_scores_2025_01" not in values(engine, PARTITIONS)
    kept = {ids["gate/held"], ids["gate/new"], ids["yard/old"]}
    for table in ("segment_scores", "events", "units", "segments"):
        assert set(values(engine, f"SELECT DISTINCT video_id FROM {table}")) == kept  # noqa: S608
    assert len([file for file in done.files if file.kind == "parquet"]) == 2 * 2 * 2
    assert len(files(chosen.parquet_root)) == 3 * 2 * 2
    assert [clip.exists() for clip in clips] == [True, False]
    assert both(engine, chosen).videos == []
    release_event(owner_engine, held_event, reason="closed", person="bob")  # type: ignore[arg-type]
    assert both(engine, chosen).partitions == {"segment_scores_2025_03": "dropped"}


def test_what_expired_is_not_scored_again_and_the_ledger_says_so(
    engine: Engine, owner_engine: Engine, tmp_path: Path
) -> None:
    chosen = settings(tmp_path)
    ids = _aged_archive(engine, chosen.parquet_root)
    rule, scorer = world.add_rule(engine, "car", texts=("a car",)), world.add_scorer(engine)

    def missing() -> set[int]:
        with engine.connect() as connection:
            return {unit.video.video_id for unit in missing_units(connection, [rule], scorer.scorer_id)}

    late = world.unit_result(engine, ids["gate/old-1"], (rule,), scorer)
    assert missing() == set(ids.values())
    retention.set_retention(owner_engine, "gate", 30, person="ann")
    assert missing() == {ids["gate/new"], ids["yard/old"]}  # due already
    maintain(engine, chosen, apply=True)
    assert missing() == {ids["gate/new"], ids["yard/old"]}
    with pytest.raises(StorageError, match="past the retention"):
        commit_unit(engine, late, chosen.parquet_root)
    ledger = """SELECT rule || ' ' || state || ' ' || round(sum(seconds)) FROM coverage WHERE camera = 'gate'
                AND rule = 'car' GROUP BY rule, state ORDER BY 1"""
    assert values(engine, ledger) == ["car expired 72", "car not_yet 24"]
    # Longer days make the footage wanted again, from ingest on.
    assert retention.set_retention(owner_engine, "gate", None, person="bob") == 3
    assert values(engine, "SELECT count(*) FROM videos WHERE state = 'registered'") == [3]
    with owner_engine.connect() as connection:
        gate = retention.list_retention(connection)[0]
    assert (gate["camera_id"], gate["retention_days"], gate["changed_by"]) == ("gate", None, "bob")
    assert values(owner_engine, "SELECT retention_days FROM retention_changes ORDER BY change_id") == [30, None]


def test_who_may_say_how_long(engine: Engine, owner_engine: Engine) -> None:
    world.add_camera(engine, "gate")
    with pytest.raises(StorageError, match="takes the owner"):
        retention.set_retention(engine, "gate", 30, person="ann")
    with pytest.raises(StorageError, match="no camera 'door'; there are gate"):
        retention.set_retention(owner_engine, "door", 30, person="ann")
    with pytest.raises(StorageError, match="at least one day"):
        retention.set_retention(owner_engine, "gate", 0, person="ann")


def test_a_reader_at_work_is_not_shut_out(engine: Engine, owner_engine: Engine, tmp_path: Path) -> None:
    """While somebody reads, a partition cannot be dropped: its rows are deleted, and the reader goes on."""
    chosen = settings(tmp_path)
    _aged_archive(engine, chosen.parquet_root)
    retention.set_retention(owner_engine, "gate", 30, person="ann")
    with owner_engine.connect() as reader:
        assert reader.execute(text("SELECT count(*) FROM segment_scores")).scalar_one() == 5 * 2 * 25
        done = maintain(engine, chosen, apply=True)
        reader.execute(text("SELECT count(*) FROM segment_scores"))
    assert set(done.partitions.values()) == {"rows deleted"}
    assert values(engine, "SELECT count(*) FROM segment_scores") == [2 * 2 * 25]


def test_a_report_is_json(engine: Engine, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    put(chosen.parquet_root / "frame_scores/rule=gone/x.parquet")
    report = json.loads(json.dumps(maintain(engine, chosen).to_json()))
    assert report["counts"] == {"videos": 0, "held": 0, "partitions": 0, "parquet_files": 1, "parquet_bytes": 1}
    assert report["named"][0][0] == "parquet"
