from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import require_current, upgrade
from tests.conftest import TestDatabase
from tests.integration.results import world

VERDICT = """INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer)
             SELECT gen_random_uuid(), min(rule_version_id), 'real', 'me' FROM rule_versions"""
WRITES = {
    "cameras": "UPDATE cameras SET name = name",
    "videos": "UPDATE videos SET uri = uri",
    "scores": "DELETE FROM segment_scores WHERE segment_index < 0",
    "scores by partition": "DELETE FROM segment_scores_2026_03 WHERE segment_index < 0",
    "events": "DELETE FROM events WHERE video_id < 0",
    "units": "UPDATE units SET attempts = attempts",
    "rules": "UPDATE rules SET state = state",
    "rule versions": "UPDATE rule_versions SET author = 'x'",
    "drop rule versions": "DELETE FROM rule_versions",
    "partition": "SELECT ensure_score_partition('2031-05-05')",
    "verdict": VERDICT,
    "edit verdict": "UPDATE verdicts SET verdict = 'unsure'",
    "delete verdict": "DELETE FROM verdicts",
    "delete video": "DELETE FROM videos WHERE video_id < 0",
    "drop partition": "DROP TABLE segment_scores_2026_03",
    "new table": "CREATE TABLE mine (id int)",
    "trigger": "ALTER TABLE rule_versions DISABLE TRIGGER USER",
}
MAY = {
    "scanner": {"cameras", "videos", "scores", "events", "units", "rules", "partition"},
    "reviewer": {"verdict"},
    "reader": set(),
    # The owner may do everything but rewrite what was said and done.
    "anyanomaly": set(WRITES) - {"rule versions", "drop rule versions", "edit verdict"},
}


@pytest.fixture(scope="module")
def filled(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> TestDatabase:
    engine = make_engine(module_database.url())
    world.small_archive(engine, tmp_path_factory.mktemp("parquet"))
    engine.dispose()
    reviewer = make_engine(module_database.url("reviewer"))
    with reviewer.begin() as connection:
        connection.execute(text(VERDICT))
    reviewer.dispose()
    return module_database


REFUSALS = ("permission denied", "must be owner", "never change")


def allowed(engine: Engine, statement: str) -> bool:
    with engine.connect() as connection:  # rolls back at the end
        try:
            connection.execute(text(statement))
        except DBAPIError as error:
            if any(refusal in str(error.orig) for refusal in REFUSALS):
                return False
            raise
        return True


@pytest.mark.parametrize("user", MAY)
def test_what_each_role_may_and_may_not_do(filled: TestDatabase, user: str) -> None:
    engine = make_engine(filled.url(user))
    try:
        assert {name for name, statement in WRITES.items() if allowed(engine, statement)} == MAY[user]
        for relation in ("frame_scores", "event_list", "coverage", "segment_results", "footage_problems", "verdicts"):
            assert allowed(engine, f"SELECT * FROM {relation} LIMIT 1")  # noqa: S608
    finally:
        engine.dispose()


def test_nobody_else_gets_in(filled: TestDatabase) -> None:
    with pytest.raises(DBAPIError, match="permission denied for database"):
        make_engine(filled.server.url("airflow", "reader")).connect()
    wrong = filled.url("reader").replace("reader:", "reader:x")
    with pytest.raises(DBAPIError, match="password authentication failed"):
        make_engine(wrong).connect()


def test_migrating_again_does_nothing_and_the_reader_may_not(database: TestDatabase, tmp_path: Path) -> None:  # noqa: ARG001
    assert upgrade(database.url("anyanomaly")) == upgrade(database.url("anyanomaly"))
    engine = make_engine(database.url("reader"))
    with engine.connect() as connection:
        require_current(connection)
    engine.dispose()
