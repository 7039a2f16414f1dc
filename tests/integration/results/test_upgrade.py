"""What an upgrade does to a database: an empty one, one of the development revisions, one with older views."""

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.embedded.postgres_process import binaries
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import newest_revision, require_current, schema_revisions, upgrade
from anyanomaly_core.results.sql_files import view_files
from tests.conftest import TestDatabase

# `pg_dump --schema-only` of a database that the sixteen development revisions built (commit c69737a), without its own
# remarks: every table, column, default, constraint, index, function, trigger, right and comment; and that of the views.
SCHEMA_0016 = (Path(__file__).parents[2] / "data" / "schema_0016.sql").read_text(encoding="utf-8")
VIEWS_0016 = (Path(__file__).parents[2] / "data" / "views_0016.sql").read_text(encoding="utf-8")
# Views that a revision after 0016 has changed.
VIEWS_CHANGED_SINCE: frozenset[str] = frozenset(
    {
        "case_events",
        "case_list",
        "coverage",
        "evaluation_list",
        "event_list",
        "event_regions",
        "frame_scores",
        "frame_scores_history",
        "retention_due",
        "segment_results",
    }
)
# One of each: a camera, a video with two names, a rule in two versions, one scored unit.
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
INSERT INTO video_cameras VALUES (1, 'gate'), (1, 'yard');
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


@pytest.fixture
def old(make_database: Callable[[str], TestDatabase]) -> TestDatabase:
    """A database as the development revisions left it."""
    database = make_database("from_before")
    superuser(database.server, database.name, SCHEMA_0016 + VIEWS_0016)
    superuser(database.server, database.name, "INSERT INTO public.alembic_version VALUES ('0016')")
    return database


def superuser(server: PostgresServer, database: str, statements: str) -> None:
    connection = psycopg2.connect(server.url(database, "postgres").replace("+psycopg2", ""))
    connection.autocommit = True
    connection.cursor().execute(statements)
    connection.close()


def schema(database: TestDatabase, *options: str) -> list[str]:
    """What pg_dump says of a database; partitions, which come with footage, are left out."""
    command = [binaries() / "pg_dump", "--schema-only", "--restrict-key=none", "--exclude-table=segment_scores_2*"]
    command += ["--exclude-extension=*"]  # pgvector comes with the database, before any revision
    url = database.url("postgres").replace("+psycopg2", "")
    dump = subprocess.run([*command, *options, url], capture_output=True, text=True, check=True).stdout
    return statements(dump)


def statements(dump: str) -> list[str]:
    """In the order of the alphabet: that of a dump depends on what was made first."""
    lines = [line for line in dump.splitlines() if not line.startswith(("--", "\\"))]
    found = sorted(statement.strip("\n") for statement in "\n".join(lines).split("\n\n"))
    return [one for one in found if one and "TABLE public.alembic_version IS 'views " not in one]


def unchanged(view_statements: list[str]) -> list[str]:
    """Those about views that no later revision has changed."""
    about = [re.search(r"public\.(\w+)", statement) for statement in view_statements]
    pairs = zip(view_statements, about, strict=True)
    return [statement for statement, view in pairs if view is None or view[1] not in VIEWS_CHANGED_SINCE]


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by column."""
    with engine.connect() as connection:
        names = connection.execute(text(TABLES)).scalars().all()
        found = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in names}  # noqa: S608
    return {name: sorted((dict(row) for row in rows), key=repr) for name, rows in found.items()}


def test_the_baseline_makes_the_schema_of_the_revisions_before_it(make_database: Callable[[str], TestDatabase]) -> None:
    baseline = make_database("baseline")
    assert upgrade(baseline.url("anyanomaly"), "0016") == "0016"
    views = [path.stem for path in view_files()]
    assert schema(baseline, *(f"--exclude-table={view}" for view in views)) == statements(SCHEMA_0016)

    upgrade(baseline.url("anyanomaly"))
    only_views = schema(baseline, *(f"--table={view}" for view in views))
    assert unchanged(only_views) == unchanged(statements(VIEWS_0016))


def test_rows_of_a_development_version_are_there_after_the_upgrade(
    old: TestDatabase, make_database: Callable[[str], TestDatabase]
) -> None:
    owner = make_engine(old.url("anyanomaly"))
    with owner.begin() as connection:
        connection.connection.cursor().execute(ROWS)
    before = contents(owner)
    assert upgrade(old.url("anyanomaly")) == newest_revision()
    after = contents(owner)
    before["segment_layouts"][0]["step"] = None  # every frame is sampled: since 0022 that is no step at all
    for table, rows in before.items():
        same = [{name: row[name] for name in rows[0]} for row in after[table]] if rows else after[table]
        assert sorted(same, key=repr) == rows, table
    owner.dispose()

    reader = make_engine(old.url("reader"))
    with reader.connect() as connection:
        require_current(connection)
        events = connection.execute(
            text("SELECT version, camera, verdict, note, held, started_local::text FROM event_list ORDER BY version")
        ).all()
        assert events == [(n, "gate", "real", "sure now", False, "2026-02-01 01:00:00") for n in (1, 2)]
        covered = connection.execute(text("SELECT version, camera, state, seconds FROM coverage ORDER BY 1, 2")).all()
        assert covered == [(1, "gate", "scored", 2), (1, "yard", "scored", 2), (2, "gate", "scored", 2)]
        assert connection.execute(text("SELECT count(*), count(score) FROM frame_scores")).one() == (48, 48)
    reader.dispose()
    scanner = make_engine(old.url("scanner"))
    with scanner.begin() as connection:
        later = datetime(2031, 5, 5, tzinfo=UTC)
        made = connection.execute(text("SELECT ensure_score_partition(:moment)"), {"moment": later}).scalar_one()
        assert made == "segment_scores_2031_05"
    scanner.dispose()

    new = make_database("new")
    upgrade(new.url("anyanomaly"))
    assert schema(old) == schema(new)


@pytest.mark.parametrize(
    ("revision", "message"),
    [("0009", "development version from before 0.1.0.*start a new database"), ("9999", "a newer version has upgraded")],
)
def test_a_database_of_an_unknown_revision_is_refused_and_left_alone(
    old: TestDatabase, revision: str, message: str
) -> None:
    superuser(old.server, old.name, f"UPDATE public.alembic_version SET version_num = '{revision}'")  # noqa: S608
    before = schema(old)
    with pytest.raises(StorageError, match=message):
        upgrade(old.url("anyanomaly"))
    assert schema(old) == before
    engine = make_engine(old.url("reader"))
    with engine.connect() as connection, pytest.raises(StorageError, match=message):
        require_current(connection)
    engine.dispose()


def test_views_of_another_version_are_noticed_and_made_anew_and_others_left_alone(database: TestDatabase) -> None:
    engine = make_engine(database.url("anyanomaly"))
    made_by = text(
        "SELECT ev_class::regclass::text, xmin::text FROM pg_rewrite WHERE ev_class::regclass::text = ANY(:n)"
    )
    names = {"n": [path.stem for path in view_files()]}

    def versions() -> list[Any]:
        with engine.connect() as connection:
            return sorted(connection.execute(made_by, names).all())

    current = versions()
    assert len(current) == len(names["n"]) == 14
    upgrade(database.url("anyanomaly"))
    assert versions() == current, "what is as it should be is not locked"

    definition = text("SELECT pg_get_viewdef('current_verdicts'::regclass)")
    with engine.begin() as connection:
        before = connection.execute(definition).scalar_one()
        changed = before.replace("w.withdraws = d.verdict_id", "false")
        connection.execute(text(f"CREATE OR REPLACE VIEW current_verdicts AS {changed}"))
        connection.execute(text("COMMENT ON TABLE alembic_version IS 'views of another version'"))
    with engine.connect() as connection, pytest.raises(StorageError, match=r"has views of another version.*make up"):
        require_current(connection)
    upgrade(database.url("anyanomaly"))
    with engine.connect() as connection:
        require_current(connection)
        assert connection.execute(definition).scalar_one() == before != changed
    engine.dispose()


def test_an_empty_database_is_told_from_an_old_one(make_database: Callable[[str], TestDatabase]) -> None:
    engine = make_engine(make_database("nothing").url("anyanomaly"))
    with engine.connect() as connection, pytest.raises(StorageError, match="has no tables yet"):
        require_current(connection)
    engine.dispose()
    assert schema_revisions()[0] == "0016"
