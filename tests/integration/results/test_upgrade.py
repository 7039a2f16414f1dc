"""A database in use is upgraded from every earlier revision: rows stay, views show them, roles are as in a new one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import revisions, upgrade
from tests.conftest import TestDatabase

# What every revision since the first takes: a camera, a video with two names, a rule in two versions, one scored unit.
ROWS = """
INSERT INTO cameras (camera_id, name, time_zone, retention_days) VALUES ('gate', 'Gate', 'Europe/Berlin', NULL),
    ('yard', 'Yard', 'UTC', 30000);
INSERT INTO videos (content_sha256, camera_id, uri, recorded_at, recorded_at_source, state, frame_count, duration_s,
                    fps_num, fps_den, complete)
    VALUES (repeat('a', 64), 'gate', 'gate/1.mp4', '2026-01-31 23:59:59+00', 'path', 'ready', 48, 2, 24, 1, true);
INSERT INTO video_files (uri, video_id, camera_id, recorded_at, size, modified, seen_at)
    VALUES ('gate/1.mp4', 1, 'gate', '2026-01-31 23:59:59+00', 1000, 1.5, now()),
           ('yard/1.mp4', 1, 'yard', '2026-01-31 23:59:59+00', 1000, 2.5, now());
INSERT INTO video_files (uri, size, modified, problem, seen_at) VALUES ('x.txt', 3, 1, 'no video', now());
INSERT INTO segment_layouts (segment_frames, step) VALUES (24, 1);
INSERT INTO segments VALUES (1, 1, 0, 0, 23, 0, 1, 3.5, NULL), (1, 1, 1, 24, 47, 1, 2, NULL, NULL);
INSERT INTO rules (name, state, current_version) VALUES ('fall', 'paused', 2);
INSERT INTO scorings (rule_id, digest, first_version) VALUES (1, 'd', 1);
INSERT INTO rule_versions (rule_id, version, scoring_id, definition, cameras, threshold, digest, author)
    VALUES (1, 1, 1, '{"texts": ["a person falls"]}', '{"*"}', 0.5, 'one', 'ada'),
           (1, 2, 1, '{"texts": ["a person falls"]}', '{"gate"}', 0.6, 'two', 'ada');
INSERT INTO scorers (digest, profile_digest, profile_name, profile, revisions, code_version)
    VALUES ('s', 'p', 'demo', '{}', '{}', '0.1.0');
INSERT INTO scan_runs (kind, external_id, code_version) VALUES ('scan', 'r1', '0.1.0');
INSERT INTO units (video_id, scoring_id, scorer_id, layout_id, state, is_current, attempts, segments_scored,
                   segments_carried, segments_pruned, segments_failed, seconds_scored, seconds_carried, seconds_pruned,
                   seconds_failed, work_ms, run_id)
    VALUES (1, 1, 1, 1, 'done', true, 1, 2, 0, 0, 0, 2, 0, 0, 0, 12.5, 1);
SELECT ensure_score_partition('2026-01-31 23:59:59+00'), ensure_score_partition('2026-02-01 00:00:00+00');
INSERT INTO segment_scores (video_id, scoring_id, scorer_id, layout_id, segment_index, first_frame, started_at,
                            ended_at, status, score, peak, frame_scores, winning_text, timings)
    VALUES (1, 1, 1, 1, 0, 0, '2026-01-31 23:59:59+00', '2026-02-01 00:00:00+00', 'scored', 0.1, 0.2,
            array_fill(0.2::real, ARRAY[24]), 'a person falls', '{"lvlm": 3}'),
           (1, 1, 1, 1, 1, 24, '2026-02-01 00:00:00+00', '2026-02-01 00:00:01+00', 'scored', 0.8, 0.9,
            array_fill(0.9::real, ARRAY[24]), 'a person falls', '{"lvlm": 3}');
INSERT INTO events (event_id, rule_version_id, video_id, scorer_id, camera_id, first_frame, last_frame, started_at,
                    ended_at, peak_score, peak_frame, peak_at, mean_score, segment_index)
    SELECT '6f1c2d34-0000-5000-8000-000000000001', n, 1, 1, 'gate', 24, 47, '2026-02-01 00:00:00+00',
           '2026-02-01 00:00:01+00', 0.9, 24, '2026-02-01 00:00:00+00', 0.9, 1 FROM generate_series(1, 2) n;
INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note)
    VALUES ('6f1c2d34-0000-5000-8000-000000000001', 1, 'unsure', 'bo', 'dark'),
           ('6f1c2d34-0000-5000-8000-000000000001', 2, 'real', 'bo', 'sure now');
"""
TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND NOT relispartition AND relname <> 'alembic_version' ORDER BY 1"""
RIGHTS = """
SELECT 'table ' || table_name, grantee, privilege_type FROM information_schema.role_table_grants
WHERE table_schema = 'public' AND grantee LIKE 'anyanomaly%' OR table_schema = 'public' AND grantee = 'PUBLIC'
UNION ALL SELECT 'column ' || table_name || '.' || column_name, grantee, privilege_type
FROM information_schema.role_column_grants WHERE table_schema = 'public' AND grantee LIKE 'anyanomaly%'
UNION ALL SELECT 'function ' || routine_name, grantee, privilege_type FROM information_schema.role_routine_grants
WHERE routine_schema = 'public'
UNION ALL SELECT 'owner of ' || relname, pg_get_userbyid(relowner), relkind::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
ORDER BY 1, 2, 3"""


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[TestDatabase]:
    """A database without a table."""
    admin = make_engine(postgres.url("postgres", "postgres"))
    run = admin.connect().execution_options(isolation_level="AUTOCOMMIT")
    run.execute(text("CREATE DATABASE from_before OWNER anyanomaly"))
    yield TestDatabase(postgres, "from_before")
    run.execute(text("DROP DATABASE from_before WITH (FORCE)"))
    run.close()
    admin.dispose()


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by column."""
    with engine.connect() as connection:
        names = connection.execute(text(TABLES)).scalars().all()
        found = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in names}  # noqa: S608
    return {name: sorted((dict(row) for row in rows), key=repr) for name, rows in found.items()}


def rights(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        found = {tuple(map(str, row)) for row in connection.execute(text(RIGHTS))}
    # 0003 lets readers read the partitions that were there; they can through the parent in any case.
    of_partitions = {right[2] for right in found if "segment_scores_20" in right[0] and right[1] != "anyanomaly_owner"}
    assert of_partitions <= {"SELECT"}
    return {right for right in found if "segment_scores_20" not in right[0]}


@pytest.mark.parametrize("revision", revisions()[:-1])
def test_rows_of_an_earlier_revision_are_there_after_the_upgrade(
    empty: TestDatabase, module_database: TestDatabase, revision: str
) -> None:
    owner = make_engine(empty.url("anyanomaly"))
    upgrade(empty.url("anyanomaly"), revision)
    with owner.begin() as connection:
        connection.connection.cursor().execute(ROWS)
        if connection.execute(text("SELECT to_regclass('video_cameras')")).scalar() is not None:
            connection.execute(text("INSERT INTO video_cameras VALUES (1, 'gate'), (1, 'yard')"))
    before = contents(owner)
    assert upgrade(empty.url("anyanomaly")) == revisions()[-1]
    after = contents(owner)
    for table, rows in before.items():
        same = [{name: row[name] for name in rows[0]} for row in after[table]] if rows else after[table]
        assert sorted(same, key=repr) == rows, table
    owner.dispose()

    reader = make_engine(empty.url("reader"))
    with reader.connect() as connection:
        events = connection.execute(
            text("SELECT version, camera, verdict, note, held, started_local::text FROM event_list ORDER BY version")
        ).all()
        assert events == [(n, "gate", "real", "sure now", False, "2026-02-01 01:00:00") for n in (1, 2)]
        covered = connection.execute(text("SELECT version, camera, state, seconds FROM coverage ORDER BY 1, 2")).all()
        assert covered == [(1, "gate", "scored", 2), (1, "yard", "scored", 2), (2, "gate", "scored", 2)]
        assert connection.execute(text("SELECT count(*), count(score) FROM frame_scores")).one() == (48, 48)
        rules = connection.execute(text("SELECT name, state, events_version FROM rules")).all()
        assert rules == [("fall", "paused", 2 if revision < "0004" else None)], "events of before 0004 are derived"
    reader.dispose()
    scanner = make_engine(empty.url("scanner"))
    with scanner.begin() as connection:
        later = datetime(2031, 5, 5, tzinfo=UTC)
        made = connection.execute(text("SELECT ensure_score_partition(:moment)"), {"moment": later}).scalar_one()
        assert made == "segment_scores_2031_05"
    scanner.dispose()

    new = make_engine(module_database.url("anyanomaly"))
    upgraded = make_engine(empty.url("anyanomaly"))
    assert rights(upgraded) == rights(new)
    new.dispose()
    upgraded.dispose()
