"""Legal holds: whatever a role tries, what is held stays; the owner releases."""

from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.event_store import rederive_rule
from anyanomaly_core.results.holds import held_events, hold_event, list_holds, release_event
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.writer import commit_unit
from tests.conftest import TestDatabase
from tests.integration.results import world

HELD = "SELECT event_id FROM legal_holds WHERE released_at IS NULL"
# What takes something under hold away, whole or in part, and what would make the hold itself go.
TAKES_AWAY = {
    "event": f"DELETE FROM events WHERE event_id IN ({HELD})",  # noqa: S608
    "event, through its rule version": "DELETE FROM events",
    "event, changed": f"UPDATE events SET peak_score = 0 WHERE event_id IN ({HELD})",  # noqa: S608
    "scores": "DELETE FROM segment_scores",
    "scores, through the partition": "DELETE FROM segment_scores_2026_03",
    "scores, changed": "UPDATE segment_scores SET frame_scores = '{}'",
    "partition": "DROP TABLE segment_scores_2026_03",
    "partition, emptied": "TRUNCATE segment_scores_2026_03",
    "partition, detached": "ALTER TABLE segment_scores DETACH PARTITION segment_scores_2026_03",
    "ledger": "DELETE FROM units",
    "segments": "DELETE FROM segments",
    "video": "DELETE FROM videos",
    "verdicts": "DELETE FROM verdicts",
    "hold": "DELETE FROM legal_holds",
    "hold, released": "UPDATE legal_holds SET released_at = now(), released_by = 'x', release_reason = 'x'",
    "hold, rewritten": "UPDATE legal_holds SET reason = 'x'",
    "hold, emptied": "TRUNCATE legal_holds",
    "guard": "ALTER TABLE events DISABLE TRIGGER USER",
    "guard, replaced": """CREATE OR REPLACE FUNCTION refuse_held_event() RETURNS trigger LANGUAGE plpgsql
                          AS 'BEGIN RETURN OLD; END'""",
    "guard, off": "SET session_replication_role = replica; DELETE FROM events",
    "guard, deceived": "CREATE TEMP TABLE legal_holds (LIKE public.legal_holds); DELETE FROM public.events",
    "retention": "UPDATE cameras SET retention_days = 1",
    "retention, of a new camera": "INSERT INTO cameras VALUES ('x', 'x', 'UTC', 1)",
    "role": "SET ROLE anyanomaly_owner; DELETE FROM legal_holds",
}
# The owner releases holds and changes tables; what is held even the owner cannot delete before.
OWNER_MAY = {
    "partition", "partition, emptied", "partition, detached", "hold, released", "hold, emptied", "guard",
    "guard, replaced", "retention", "retention, of a new camera",
}  # fmt: skip
REFUSED = (
    "permission denied",
    "must be owner",
    "under legal hold",
    "never change",
    "violates foreign key",
    "only be released",
)


@pytest.fixture(scope="module")
def held(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> TestDatabase:
    """Every video's retention has passed, and one event of each is held; one of them has a verdict."""
    writer = make_engine(module_database.url())
    world.small_archive(writer, tmp_path_factory.mktemp("parquet"))
    writer.dispose()
    reviewer = make_engine(module_database.url("reviewer"))
    with reviewer.begin() as connection:
        events = connection.execute(text("SELECT min(event_id::text)::uuid FROM events GROUP BY video_id")).scalars()
        for event in events.all():
            connection.execute(
                text("INSERT INTO legal_holds (event_id, reason, held_by) VALUES (:event, 'case 7', 'ann')"),
                {"event": event},
            )
            connection.execute(
                text("""INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer)
                        SELECT event_id, rule_version_id, 'real', 'ann' FROM events WHERE event_id = :event"""),
                {"event": event},
            )
    reviewer.dispose()
    owner = make_engine(module_database.url("anyanomaly"))
    with owner.begin() as connection:
        connection.execute(text("UPDATE cameras SET retention_days = 1"))
    owner.dispose()
    return module_database


def taken(engine: Engine, statement: str) -> bool:
    """Whether the statement goes through; it is rolled back."""
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(statement)
        except DBAPIError as error:
            if any(reason in str(error.orig) for reason in REFUSED):
                return False
            raise
        return True


@pytest.mark.parametrize("user", ["scanner", "reviewer", "reader"])
@pytest.mark.parametrize("what", TAKES_AWAY)
def test_nobody_takes_away_what_is_held(held: TestDatabase, user: str, what: str) -> None:
    engine = make_engine(held.url(user))
    try:
        assert not taken(engine, TAKES_AWAY[what])
    finally:
        engine.dispose()


def test_the_owner_has_to_release_first(held: TestDatabase) -> None:
    engine = make_engine(held.url("anyanomaly"))
    try:
        assert {what for what, statement in TAKES_AWAY.items() if taken(engine, statement)} == OWNER_MAY
    finally:
        engine.dispose()


@pytest.mark.parametrize("user", ["scanner", "anyanomaly"])
def test_expiry_and_partition_drop_go_around_it(held: TestDatabase, user: str) -> None:
    engine = make_engine(held.url(user))
    with engine.begin() as connection:
        due = connection.execute(text("SELECT video_id FROM retention_due WHERE held")).scalars().all()
        assert len(due) == 3
        for video_id in due:
            assert connection.execute(text("SELECT expire_video(:id)"), {"id": video_id}).scalar_one() is False
        # Marking the videos by hand does not help either.
        connection.execute(text("UPDATE videos SET expired_at = now()"))
        for month in ("03", "04"):
            drop = text("SELECT drop_expired_partition(:name)")
            assert connection.execute(drop, {"name": f"segment_scores_2026_{month}"}).scalar_one() is False
        connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("user", ["reviewer", "reader"])
@pytest.mark.parametrize("call", ["expire_video(1)", "drop_expired_partition('segment_scores_2026_03')"])
def test_only_the_tasks_may_expire_anything(held: TestDatabase, user: str, call: str) -> None:
    engine = make_engine(held.url(user))
    assert not taken(engine, f"SELECT {call}")
    engine.dispose()


def test_no_other_table_can_be_dropped_as_a_partition(held: TestDatabase) -> None:
    engine = make_engine(held.url())
    for name in ("verdicts", "segment_scores", 'x"; DROP TABLE verdicts; --', "public.verdicts"):
        with pytest.raises(DBAPIError, match="no partition of segment_scores"), engine.begin() as connection:
            connection.execute(text("SELECT drop_expired_partition(:name)"), {"name": name})
    engine.dispose()


@pytest.mark.parametrize("user", ["scanner", "reader"])
def test_who_may_not_hold(held: TestDatabase, user: str) -> None:
    engine = make_engine(held.url(user))
    with pytest.raises(StorageError, match=r"permission denied.*reviewers may hold"):
        hold_event(engine, uuid4(), reason="case 7", person="x")
    engine.dispose()


def test_a_hold_has_a_history(database: TestDatabase, tmp_path: Path) -> None:
    writer, reviewer, owner = (make_engine(database.url(user)) for user in ("scanner", "reviewer", "anyanomaly"))
    world.small_archive(writer, tmp_path)
    with writer.connect() as connection:
        event: UUID = connection.execute(text("SELECT event_id FROM events LIMIT 1")).scalar_one()
    with pytest.raises(StorageError, match="is not under hold"):
        release_event(owner, event, reason="closed", person="bob")
    hold_event(reviewer, event, reason="case 7", person="ann")
    with pytest.raises(StorageError, match="under hold already"):
        hold_event(reviewer, event, reason="case 8", person="ann")
    with pytest.raises(StorageError, match="there is no event"):
        hold_event(reviewer, uuid4(), reason="case 7", person="ann")
    with pytest.raises(StorageError, match="check constraint"):
        hold_event(owner, event, reason=" ", person="ann")
    with pytest.raises(StorageError, match="only the owner"):
        release_event(reviewer, event, reason="closed", person="ann")
    release_event(owner, event, reason="closed", person="bob")
    hold_event(reviewer, event, reason="case 9", person="ann")
    with owner.connect() as connection:
        now, before = list_holds(connection, history=True)
        assert [now] == list_holds(connection)
        assert held_events(connection, [event, uuid4()]) == {event}
    assert (before["reason"], before["held_by"], before["database_user"]) == ("case 7", "ann", "reviewer")
    assert (before["released_by"], before["release_reason"]) == ("bob", "closed")
    assert before["held_at"] < before["released_at"] < now["held_at"]
    assert now["released_at"] is None
    for engine in (writer, reviewer, owner):
        engine.dispose()


def _one_event(engine: Engine, root: Path) -> tuple[int, StoredRule, StoredScorer, UUID]:
    """A video of four segments, the last of which failed, with an event in the second, which is held."""
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4", frames=96)
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    curve = np.full(96, 0.1, np.float32)
    curve[24:60] = 0.9
    curve[72:] = np.nan
    commit_unit(engine, world.curve_result(engine, video_id, rule, scorer, curve), root)
    with engine.connect() as connection:
        event: UUID = connection.execute(text("SELECT event_id FROM events")).scalar_one()
    return video_id, rule, scorer, event


def test_scoring_again_leaves_what_is_held_and_goes_on_elsewhere(
    engine: Engine, owner_engine: Engine, tmp_path: Path
) -> None:
    video_id, rule, scorer, event = _one_event(engine, tmp_path)
    other = world.add_rule(engine, "bike", texts=("a bicycle",))
    hold_event(owner_engine, event, reason="case 7", person="ann")
    same = "SELECT to_jsonb(s) FROM segment_scores s WHERE scorer_id = 1 AND scoring_id = 1 ORDER BY segment_index"
    held_row = text("SELECT to_jsonb(e) FROM events e WHERE event_id = :id")
    with engine.connect() as connection:
        before = connection.execute(text(same)).all(), connection.execute(held_row, {"id": event}).all()
    bytes_before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    again = world.unit_result(engine, video_id, (rule, other), scorer, seed=5, failing=0)
    commit_unit(engine, again, tmp_path)  # the retry of a unit that was partial, with another rule
    newer = world.add_scorer(engine, "2")
    flat = np.full(96, 0.2, np.float32)
    commit_unit(engine, world.curve_result(engine, video_id, rule, newer, flat), tmp_path)
    rederive_rule(engine, rule)
    with engine.connect() as connection:
        assert (connection.execute(text(same)).all(), connection.execute(held_row, {"id": event}).all()) == before
        attempts = "SELECT attempts FROM units WHERE scoring_id = 1 AND scorer_id = 1"
        assert connection.execute(text(attempts)).scalar_one() == 2
        assert connection.execute(text("SELECT count(*) FROM segment_scores")).scalar_one() == 4 + 4 + 4
    assert {path: path.read_bytes() for path in bytes_before} == bytes_before
    release_event(owner_engine, event, reason="closed", person="bob")
    rederive_rule(engine, rule)
    with engine.connect() as connection:
        assert connection.execute(held_row, {"id": event}).all() == []
