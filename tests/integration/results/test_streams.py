"""Consecutive files of a camera are one stream: events go on from one to the next, in whatever order files come."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.results.event_store import rederive_rule
from anyanomaly_core.results.holds import held_scorings, hold_event
from anyanomaly_core.results.retention import due_videos, expire, set_retention
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

FRAMES = 50  # two seconds a file
FILE_S = 2.0


def commit(
    engine: Engine,
    root: Path,
    made: tuple[StoredRule, StoredScorer],
    number: int,
    curve: NDArray[np.float32],
    *,
    camera: str = "gate",
    late_s: float = 0.0,
) -> int:
    """File ``number`` of a camera, with these scores."""
    begin = world.START + timedelta(seconds=FILE_S * number + late_s)
    video_id = world.add_video(engine, f"{camera}/{number}.mp4", camera, frames=FRAMES, recorded_at=begin)
    commit_unit(engine, world.curve_result(engine, video_id, *made, curve), root)
    return video_id


def found(engine: Engine) -> list[tuple[float, float, int]]:
    """Begin and end of each event in seconds, and its files."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT started_at, ended_at, files FROM event_list ORDER BY 1")).all()
    return [(seconds(row[0]), seconds(row[1]), row[2]) for row in rows]


def seconds(moment: datetime) -> float:
    return round((moment - world.START).total_seconds(), 3)


def hot(first: int = 0, last: int = FRAMES - 1, level: float = 0.9) -> NDArray[np.float32]:
    curve = np.zeros(FRAMES, np.float32)
    curve[first : last + 1] = level
    return curve


def one(engine: Engine, query: str) -> Row[*tuple[Any, ...]]:
    with engine.connect() as connection:
        return connection.execute(text(query)).one()


@pytest.fixture
def made(engine: Engine) -> tuple[StoredRule, StoredScorer]:
    world.add_camera(engine, "gate")
    rule = world.add_rule(engine, threshold=0.5, min_duration_s=3.0, max_gap_s=0.5)
    return rule, world.add_scorer(engine)


def test_an_event_longer_than_its_files_is_found_and_keeps_its_id_and_verdict(
    engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    """Files of 2 s, an event of 1 + 2 + 1 s for a rule that wants 3 s."""
    peak = hot(25)
    peak[30] = 0.95
    commit(engine, tmp_path, made, 0, peak)
    assert found(engine) == []
    commit(engine, tmp_path, made, 1, hot())
    assert found(engine) == [(1.0, 4.0, 2)]
    before = one(engine, "SELECT event_id FROM events").event_id
    later = hot(0, 24)
    later[10] = 0.99
    commit(engine, tmp_path, made, 2, later)
    assert found(engine) == [(1.0, 5.0, 3)]
    row = one(engine, "SELECT event_id, peak_frame, peak_score, peak_at, first_frame, last_frame FROM events")
    assert row.event_id == before
    assert (row.first_frame, row.peak_frame, row.last_frame) == (25, 30, 49)  # of its first file
    assert (row.peak_score, seconds(row.peak_at)) == (pytest.approx(0.99), 4.4)
    parts = text(
        "SELECT first_frame, last_frame, peak_frame FROM event_parts JOIN videos USING (video_id) ORDER BY uri"
    )
    with engine.connect() as connection:
        assert connection.execute(parts).all() == [(25, 49, 30), (0, 49, 0), (0, 24, 10)]
    commit(engine, tmp_path, made, 4, hot())  # behind a gap of 2 s
    assert found(engine) == [(1.0, 5.0, 3)]
    before_again = one(engine, "SELECT event_id FROM events").event_id
    assert rederive_rule(engine, made[0]) == rederive_rule(engine, made[0])
    assert (found(engine), one(engine, "SELECT event_id FROM events").event_id) == ([(1.0, 5.0, 3)], before_again)


def test_when_a_file_in_the_middle_is_scored_again_the_event_falls_apart(
    engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    for number in range(5):
        commit(engine, tmp_path, made, number, hot())
    assert found(engine) == [(0.0, 10.0, 5)]
    commit(engine, tmp_path, made, 2, hot(level=0.1))
    assert found(engine) == [(0.0, 4.0, 2), (6.0, 10.0, 2)]
    commit(engine, tmp_path, made, 2, hot())
    assert found(engine) == [(0.0, 10.0, 5)]


def test_what_does_not_follow_is_not_joined(
    engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    """Another camera; a file 1.5 s late; a file that overlaps by half."""
    world.add_camera(engine, "yard")
    commit(engine, tmp_path, made, 0, hot())
    commit(engine, tmp_path, made, 1, hot(), camera="yard")
    assert found(engine) == []
    commit(engine, tmp_path, made, 1, hot(), late_s=1.5)
    assert found(engine) == []


@pytest.mark.parametrize("late_s", [-0.9, -0.04, 0.9])
def test_names_state_whole_seconds(
    engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path, late_s: float
) -> None:
    commit(engine, tmp_path, made, 0, hot())
    commit(engine, tmp_path, made, 1, hot(), late_s=late_s)
    assert found(engine) == [(0.0, round(4 + late_s, 3), 2)]


def test_verdicts_follow_when_the_beginning_comes_later_and_a_hold_keeps_all_files(
    engine: Engine, owner_engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    for number in (1, 2):
        commit(engine, tmp_path, made, number, hot())
    with owner_engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note)
                    SELECT event_id, rule_version_id, 'real', 'ada', 'seen' FROM events""")
        )
    commit(engine, tmp_path, made, 0, hot())
    row = one(engine, "SELECT files, verdict, reviewer, note FROM event_list")
    assert tuple(row) == (3, "real", "ada", "seen")

    event = one(engine, "SELECT event_id FROM events").event_id
    hold_event(owner_engine, event, reason="case 7", person="ada")
    last = load_id(engine, 2)
    with engine.begin() as connection:
        assert held_scorings(connection, last, made[1].scorer_id) == {made[0].scoring_id}
    commit_again = world.curve_result(engine, last, *made, hot(level=0.1))
    commit_unit(engine, commit_again, tmp_path)
    assert found(engine) == [(0.0, 6.0, 3)], "what is held stays, in all its files"
    with pytest.raises(DBAPIError, match="under legal hold"), owner_engine.begin() as connection:
        connection.execute(text("DELETE FROM event_parts"))


def judge(owner: Engine, note: str) -> None:
    with owner.begin() as connection:
        connection.execute(
            text("""INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note)
                    SELECT event_id, rule_version_id, 'real', 'ada', :note FROM events"""),
            {"note": note},
        )


def test_what_is_left_when_a_file_expires_is_an_event_of_its_own(
    engine: Engine, owner_engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    """Four files of 2 s, of which the first has the peak and goes: three are left, with the verdict, then none."""
    for number in range(4):
        curve = hot(level=0.8 + 0.01 * number)
        curve[20 + number] = 0.99 if number == 0 else 0.9 + 0.01 * number
        commit(engine, tmp_path, made, number, curve)
    judge(owner_engine, "seen")
    set_retention(owner_engine, "gate", 1, person="ada")
    with engine.connect() as connection:
        due = due_videos(connection)
    assert [video.uri for video in due] == [f"gate/{number}.mp4" for number in range(4)]
    assert expire(engine, due[0])
    assert found(engine) == [(2.0, 8.0, 3)]
    row = one(engine, "SELECT peak_score, peak_at, peak_frame, segment_index, verdict, note, video_id FROM event_list")
    assert (row.peak_score, seconds(row.peak_at)) == (pytest.approx(0.93), 6 + 23 / 25)
    assert (row.peak_frame, row.segment_index, row.video_id) == (
        21,
        0,
        due[1].video_id,
    )  # of what is its first file now
    assert (row.verdict, row.note) == ("real", "seen")
    assert not expire(engine, due[0]), "it is not due any more, and nothing changes"
    assert expire(engine, due[2])
    assert found(engine) == [], "neither what is before nor what is behind lasts three seconds"
    for video in (due[1], due[3]):
        assert expire(engine, video)
    assert one(owner_engine, "SELECT count(*) FROM verdicts")[0] == 0, "the note went with the last of its files"


def test_content_that_replaces_a_part_corrects_the_event(
    engine: Engine, owner_engine: Engine, made: tuple[StoredRule, StoredScorer], tmp_path: Path
) -> None:
    """The middle one of five files is exported again, and shows nothing now: what is left is two events."""
    for number in range(5):
        commit(engine, tmp_path, made, number, hot(level=0.99 if number == 2 else 0.9))
    judge(owner_engine, "all of it")
    begin = world.START + timedelta(seconds=2 * FILE_S)
    again = world.add_video(engine, "gate/2.mp4", "gate", frames=FRAMES, recorded_at=begin, content="repaired")
    assert found(engine) == [(0.0, 10.0, 5)], "until it is scored, the old results stay"
    commit_unit(engine, world.curve_result(engine, again, *made, hot(level=0.1)), tmp_path)
    assert found(engine) == [(0.0, 4.0, 2), (6.0, 10.0, 2)]
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT verdict, peak_score FROM event_list ORDER BY started_at")).all()
    assert [(row.verdict, round(row.peak_score, 3)) for row in rows] == [("real", 0.9), (None, 0.9)]


def load_id(engine: Engine, number: int) -> int:
    with engine.connect() as connection:
        query = text("SELECT video_id FROM videos WHERE uri = :uri")
        return int(connection.execute(query, {"uri": f"gate/{number}.mp4"}).scalar_one())
