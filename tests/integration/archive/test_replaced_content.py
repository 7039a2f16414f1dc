"""A file that holds another content than at the last ingest: what it held before is replaced, and nothing is lost."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.holds import hold_event
from tasks import scan
from tests.conftest import TestDatabase
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, aged, film
from tests.integration.archive.test_scan import as_xcom, ingest_all, scan_all

EVENTS = "SELECT duration_s, verdict, note FROM event_list WHERE is_current_version ORDER BY started_at"
COVERED = "SELECT state, sum(seconds) AS seconds FROM coverage WHERE is_current_version GROUP BY state"
JUDGED = """INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note)
            SELECT event_id, rule_version_id, :verdict, 'bo', :note FROM events"""


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)))


def night(world: World) -> None:
    ingest_all(world)
    scan_all(as_xcom(scan.plan_units()))


@pytest.fixture
def growing(world: World) -> Path:
    """One recording of which half is there, found whole by a rule that takes every frame."""
    for file in world.archive.rglob("*.mp4"):
        file.unlink()
    for rule in world.rules.iterdir():
        rule.unlink()
    (world.rules / "any.yaml").write_text("name: any\ntexts: [a person]\nthreshold: 0\n")
    path = film(world.archive / "hall" / DAY / "10-00-00.mp4", 40)
    night(world)
    return path


def judge(database: TestDatabase, verdict: str, note: str) -> None:
    reviewer = make_engine(database.url("reviewer"))
    with reviewer.begin() as connection:
        connection.execute(text(JUDGED), {"verdict": verdict, "note": note})
    reviewer.dispose()


def test_a_recording_that_grew_is_one_event_with_its_verdict(
    world: World, growing: Path, database: TestDatabase
) -> None:
    [before] = rows(world.engine, EVENTS)
    assert before.duration_s == pytest.approx(4)
    judge(database, "real", "seen while it was written")
    film(growing, 80)

    ingest_all(world)
    [still] = rows(world.engine, EVENTS)
    assert still.duration_s == pytest.approx(4), "until the new content is scored, the old results stay"
    assert rows(world.engine, COVERED)[0].state == "not_yet"

    scan_all(as_xcom(scan.plan_units()))
    [after] = rows(world.engine, EVENTS)
    assert after.duration_s == pytest.approx(8)
    assert (after.verdict, after.note) == ("real", "seen while it was written")
    assert [(row.state, row.seconds) for row in rows(world.engine, COVERED)] == [("scored", pytest.approx(8))]
    assert len(rows(world.engine, "SELECT DISTINCT video_id FROM frame_scores")) == 1
    assert len(rows(world.engine, "SELECT DISTINCT video_id FROM segment_scores")) == 2, "history is kept"
    night(world)
    assert len(rows(world.engine, "SELECT FROM verdicts")) == 2, "carried over once"


def test_it_may_grow_more_than_once(world: World, growing: Path, database: TestDatabase) -> None:
    judge(database, "false_alarm", "a cat")
    for frames in (60, 80):
        film(growing, frames)
        night(world)
    [event] = rows(world.engine, EVENTS)
    assert (event.duration_s, event.verdict) == (pytest.approx(8), "false_alarm")
    assert [row.replaced_by for row in rows(world.engine, "SELECT replaced_by FROM videos ORDER BY 1")] == [
        3,
        3,
        None,
    ]


def test_a_file_that_can_no_longer_be_read_loses_nothing(world: World, growing: Path) -> None:
    growing.write_text("spoiled\n" * 500)
    aged(growing)
    night(world)
    assert [row.duration_s for row in rows(world.engine, EVENTS)] == pytest.approx([4])
    covered = {row.state: row.seconds for row in rows(world.engine, COVERED)}
    assert covered == {"scored": pytest.approx(4), "failed": 0}


def test_content_that_another_file_still_holds_is_not_replaced(world: World, growing: Path) -> None:
    copy = growing.with_name("12-00-00.mp4")
    copy.write_bytes(growing.read_bytes())
    aged(copy)
    ingest_all(world)
    film(growing, 80)
    night(world)
    assert [row.duration_s for row in rows(world.engine, EVENTS)] == pytest.approx([4, 8])


def test_the_old_content_that_comes_back_counts_again(world: World, growing: Path) -> None:
    old = growing.read_bytes()
    film(growing, 80)
    night(world)
    back = growing.with_name("12-00-00.mp4")
    back.write_bytes(old)
    aged(back)
    night(world)
    assert [row.replaced_by for row in rows(world.engine, "SELECT replaced_by FROM videos")] == [None, None]
    assert rows(world.engine, "SELECT sum(seconds) AS s FROM coverage")[0].s == pytest.approx(12)


def test_what_is_under_legal_hold_stays(world: World, growing: Path, database: TestDatabase) -> None:
    [event] = rows(world.engine, "SELECT event_id FROM events")
    reviewer = make_engine(database.url("reviewer"))
    hold_event(reviewer, event.event_id, reason="case 7", person="bo")
    reviewer.dispose()
    film(growing, 80)
    night(world)
    found = rows(world.engine, "SELECT event_id, held, duration_s FROM event_list ORDER BY duration_s")
    assert [(row.held, row.duration_s) for row in found] == [(True, pytest.approx(4)), (False, pytest.approx(8))]
    assert found[0].event_id == event.event_id
