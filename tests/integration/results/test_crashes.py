"""Exactly once is about the commit: what is found after a crash at each point, and after two workers at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.parquet import file_path
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.scoring.types import SegmentScore, Status
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.results.test_writer import rows, tree

ROOT = Path(__file__).resolve().parents[3]
# Commits the unit of video 1 anew, with other scores, and dies at the given call of the commit.
DYING = """
import os, sys
from pathlib import Path
from anyanomaly_core.results import parquet, writer
from anyanomaly_core.results.engine import make_engine
from tests.integration.results import world

url, root, module, name, when = sys.argv[1:]
target = {"parquet": parquet, "writer": writer}[module]
original = getattr(target, name)

def die(*arguments, **options):
    if when == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), 9)

setattr(target, name, die)
engine = make_engine(url)
bike = world.add_rule(engine, "bike", texts=("a bicycle", "a cyclist"), threshold=0.6)
rules = (world.add_rule(engine, "fall"), bike)
result = world.unit_result(engine, 1, rules, world.add_scorer(engine), seed=7)
world.commit_unit(engine, result, Path(root))
"""
POINTS = [
    ("parquet", "stage", "before"),
    ("parquet", "stage", "after"),
    ("writer", "_make_partitions", "after"),
    ("writer", "_replace_scores", "after"),
    ("writer", "record_unit", "after"),
    ("parquet", "publish", "before"),
    ("parquet", "publish", "after"),
]


def everything(engine: Engine, root: Path) -> tuple[object, ...]:
    shown = {name: digest for name, digest in tree(root).items() if not Path(name).name.startswith(".")}
    events = rows(engine, "SELECT to_jsonb(e) FROM events e ORDER BY 1")
    ledger = rows(engine, "SELECT to_jsonb(u) - 'finished_at' - 'attempts' FROM units u ORDER BY 1")
    return rows(engine), events, ledger, shown


@pytest.mark.parametrize("point", POINTS, ids="-".join)
def test_killed_anywhere_and_run_again_it_ends_the_same(
    database: TestDatabase, engine: Engine, tmp_path: Path, point: tuple[str, str, str]
) -> None:
    _, rules, scorer = world.small_archive(engine, tmp_path)
    old = everything(engine, tmp_path)
    command = [sys.executable, "-c", DYING, database.url(), str(tmp_path), *point]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
    found = everything(engine, tmp_path)
    assert found[:3] == old[:3]  # never half a unit in the database
    if point != ("parquet", "publish", "after"):
        assert found[3] == old[3]
    commit_unit(engine, world.unit_result(engine, 1, rules, scorer, seed=7), tmp_path)
    new = everything(engine, tmp_path)
    assert new != old
    if point == ("parquet", "publish", "after"):
        assert new[3] == found[3]


def test_two_workers_with_the_same_unit_take_turns(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    results = [world.unit_result(engine, videos[2], rules, scorer, seed=seed) for seed in (1, 2)]
    outcomes = []
    for result in results:
        commit_unit(engine, result, tmp_path)
        outcomes.append(everything(engine, tmp_path))
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(4):
                commit_unit(engine, results[number], tmp_path)
        except StorageError as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert everything(engine, tmp_path) in outcomes  # one or the other, database and files alike


def test_an_incomplete_unit_is_refused_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    before = everything(engine, tmp_path)
    whole = world.unit_result(engine, videos[0], rules, scorer, seed=3)
    nan_free = {version: frames.copy() for version, frames in whole.frame_scores.items()}
    nan_free[rules[0].rule_version_id][:] = 0.5
    silent = SegmentScore(0, rules[0].rule_version_id, Status.FAILED)
    wrong = {
        "every segment needs one": {"scores": whole.scores[1:]},
        "came out twice": {"scores": [*whole.scores[:-1], whole.scores[0]]},
        "one score or NaN per frame": {"frame_scores": {}},
        "but has a score|without a reason": {"scores": [silent, *whole.scores[1:]], "frame_scores": nan_free},
        "ask the models the same": {"rules": (rules[0], rules[0])},
    }
    for message, change in wrong.items():
        with pytest.raises(StorageError, match=message):
            commit_unit(engine, type(whole)(**{**{f: getattr(whole, f) for f in whole.__slots__}, **change}), tmp_path)
    assert everything(engine, tmp_path) == before


def test_no_room_for_parquet_leaves_the_old_unit(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    result = world.unit_result(engine, videos[0], rules, scorer, seed=3)
    folder = file_path(tmp_path, "segment_scores", rules[1], result.video, scorer).parent
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    before = everything(engine, tmp_path)
    with pytest.raises(StorageError, match="could not be written to"):
        commit_unit(engine, result, tmp_path)
    assert everything(engine, tmp_path) == before
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_a_reader_cannot_commit(database: TestDatabase, engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    before = everything(engine, tmp_path)
    result = world.unit_result(engine, videos[0], rules, scorer, seed=3)
    reader = make_engine(database.url("reader"))
    with pytest.raises(StorageError, match="permission denied"):
        commit_unit(reader, result, tmp_path)
    reader.dispose()
    assert everything(engine, tmp_path) == before


def test_rows_of_a_corrected_recording_time_are_replaced(owner_engine: Engine, engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE videos SET recorded_at = recorded_at + interval '3 months' WHERE video_id = 1"))
    commit_unit(engine, world.unit_result(engine, videos[0], rules, scorer), tmp_path)
    found = rows(engine, "SELECT count(*), min(started_at)::date::text FROM segment_scores WHERE video_id = 1")
    assert found == [(10, "2026-06-30")]
