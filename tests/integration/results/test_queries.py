"""Every ready query runs, and says what plain Python says of the same made-up archive."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import catalog, event_store, run_failures, scorer_store
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.queries import QueryResult, ReadyQuery, ready_queries, run_ready, run_sql
from anyanomaly_core.results.sql_page import render_sql_page
from tests.conftest import TestDatabase
from tests.integration.results import world

QUERIES = ready_queries()
SOME_NIGHT = {"from": world.START - timedelta(hours=1), "until": world.START + timedelta(hours=1)}


@pytest.fixture(scope="module")
def reader(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A small archive with a second version of a rule, a verdict, a copied, a broken and a lost file."""
    writer = make_engine(module_database.url())
    world.small_archive(writer, tmp_path_factory.mktemp("parquet"))
    loose = world.add_rule(writer, "fall", threshold=0.2, release_threshold=0.1)
    event_store.rederive_rule(writer, loose)
    for gain, revision in enumerate(("1", "2")):
        world.add_evaluation(writer, world.add_scorer(writer, revision), 0.5 + gain / 4)
    world.add_video(writer, "gate/copy.mp4", content="gate/1.mp4")
    world.add_video(writer, "gate/late.mp4", recorded_at=world.START + timedelta(days=2))
    with writer.begin() as connection:
        catalog.mark_unreadable(connection, world.add_video(writer, "gate/bad.mp4"), "no frame")
        run = scorer_store.start_run(connection, "scan", code_version="1", external_id="night")
        for reason in ("no model", "the server refuses"):
            run_failures.store_failure(connection, run, "gate 2026-03-01", reason)
        run_failures.store_failure(connection, run, "hall 2026-03-01", "mended")
        run_failures.clear_failure(connection, run, "hall 2026-03-01")
    writer.dispose()
    _judge(module_database)
    engine = make_engine(module_database.url("reader"))
    yield engine
    engine.dispose()


def _judge(database: TestDatabase) -> None:
    reviewer = make_engine(database.url("reviewer"))
    insert = text(
        "INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer) VALUES (:id, :version, :verdict, 'ann')"
    )
    with reviewer.begin() as connection:
        found = connection.execute(
            text("SELECT event_id, rule_version_id FROM events WHERE rule_version_id = 3 ORDER BY 1")
        )
        for number, (event, version) in enumerate(found.all()[:3]):
            verdict = ("real", "real", "false_alarm")[number]
            connection.execute(insert, {"id": event, "version": version, "verdict": "unsure"})
            connection.execute(insert, {"id": event, "version": version, "verdict": verdict})
    reviewer.dispose()


def ask(engine: Engine, name: str, **parameters: object) -> list[dict[str, Any]]:
    answer = run_ready(engine, name, parameters)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def events(engine: Engine) -> list[dict[str, Any]]:
    return table(run_sql(engine, "SELECT * FROM event_list"))


def table(answer: QueryResult) -> list[dict[str, Any]]:
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_runs_as_pasted_and_with_parameters(reader: Engine, query: ReadyQuery) -> None:
    as_pasted = run_sql(reader, query.with_defaults())
    with_none_given = run_ready(reader, query.name)
    assert as_pasted == with_none_given
    # By default the first asks about the real last night; no scorer here has a cascade, and none marks pixels.
    of_regions = {"entered_polygon", "events_by_place", "largest_objects"}
    if query.name not in {"hits_by_camera", "hits_last_night", "cascade_bounds", *of_regions}:
        assert as_pasted.rows
    assert as_pasted.columns == run_ready(reader, query.name, {p.name: None for p in query.parameters}).columns


def test_there_are_enough() -> None:
    assert len(QUERIES) >= 12


def test_hits_of_a_night(reader: Engine) -> None:
    current = [
        e
        for e in events(reader)
        if e["is_current_version"] and SOME_NIGHT["from"] <= e["started_at"] < SOME_NIGHT["until"]
    ]
    expected = Counter((event["camera_name"], event["rule"]) for event in current)
    assert {
        (row["camera_name"], row["rule"]): row["events"] for row in ask(reader, "hits_by_camera", **SOME_NIGHT)
    } == expected
    assert expected


def test_what_version_2_finds_that_version_1_does_not(reader: Engine) -> None:
    found = ask(reader, "version_difference", rule="fall", old=1, new=2)
    of = {n: {e["event_id"]: e for e in events(reader) if e["rule"] == "fall" and e["version"] == n} for n in (1, 2)}
    moved = {
        i
        for i in of[1].keys() & of[2].keys()
        if of[1][i]["started_at"] != of[2][i]["started_at"] or of[1][i]["ended_at"] != of[2][i]["ended_at"]
    }
    assert {row["event_id"] for row in found if row["difference"] == "found"} == of[2].keys() - of[1].keys()
    assert {row["event_id"] for row in found if row["difference"] == "lost"} == of[1].keys() - of[2].keys()
    assert {row["event_id"] for row in found if row["difference"] == "moved"} == moved
    assert found


def test_two_rules_within_minutes(reader: Engine) -> None:
    current = [e for e in events(reader) if e["is_current_version"]]
    near = timedelta(seconds=2)
    pairs = {
        (a["event_id"], b["event_id"])
        for a in current
        for b in current
        if a["rule"] == "bike" and b["rule"] == "fall" and a["camera"] == b["camera"]
        if a["started_at"] <= b["ended_at"] + near and b["started_at"] <= a["ended_at"] + near
    }
    found = ask(reader, "cooccurrence", first="bike", second="fall", within=near)
    assert {(row["first_event"], row["second_event"]) for row in found} == pairs
    assert pairs


def test_the_newest_verdict_counts_in_every_version_that_finds_the_event(reader: Engine) -> None:
    rows = {(row["rule"], row["version"]): row for row in ask(reader, "precision_by_verdict")}
    assert (rows["fall", 2]["real"], rows["fall", 2]["false_alarms"], rows["fall", 2]["unsure"]) == (2, 1, 0)
    assert float(rows["fall", 2]["precision"]) == pytest.approx(2 / 3, abs=1e-3)
    judged = {e["event_id"] for e in events(reader) if e["verdict"]}
    assert len(judged) == 3
    assert not judged & {row["event_id"] for row in ask(reader, "to_review", most=1000)}


def test_what_was_not_looked_at(reader: Engine) -> None:
    found = {(row["rule"], row["uri"]): row for row in ask(reader, "uncovered_footage")}
    assert found["fall", "gate/late.mp4"]["state"] == "not_yet"
    assert (found["bike", "gate/bad.mp4"]["state"], found["bike", "gate/bad.mp4"]["reason"]) == ("failed", "no frame")
    percent: Counter[str] = Counter()
    for row in ask(reader, "coverage_by_rule"):
        percent[row["rule"]] += float(row["percent"])
    assert percent == pytest.approx({"fall": 100, "bike": 100}, abs=0.05)


def test_the_same_footage_is_found_under_both_names(reader: Engine) -> None:
    assert [row["uri"] for row in ask(reader, "same_footage")] == ["gate/1.mp4", "gate/copy.mp4"]
    first, copy = (ask(reader, "events_of_file", uri=uri) for uri in ("gate/1.mp4", "gate/copy.mp4"))
    assert first == copy != []


def test_why_tasks_failed_is_the_last_reason_of_those_that_no_later_try_did(reader: Engine) -> None:
    failed = ask(reader, "failed_tasks")
    assert [(row["airflow_run"], row["task"], row["reason"]) for row in failed] == [
        ("night", "gate 2026-03-01", "the server refuses")
    ]
    assert ask(reader, "failed_tasks", since=failed[0]["started_at"] + timedelta(seconds=1)) == []


def test_a_gap_in_the_recordings(reader: Engine) -> None:
    gaps = ask(reader, "recording_gaps", longer_than=timedelta(days=1))
    assert [(gap["camera"], gap["length"] > timedelta(days=1, hours=20)) for gap in gaps] == [("gate", True)]


def test_a_curve_has_every_frame_of_its_span(reader: Engine) -> None:
    span = {"from": world.START + timedelta(seconds=1), "until": world.START + timedelta(seconds=2)}
    curve = ask(reader, "frame_curve", rule="fall", camera="gate", **span)
    assert [row["frame"] for row in curve] == list(range(25, 50))
    assert all((row["score"] is None) == (row["status"] == "failed") for row in curve)


def test_nothing_can_be_changed_and_mistakes_are_explained(reader: Engine, module_database: TestDatabase) -> None:
    writer = make_engine(module_database.url())
    for engine in (reader, writer):
        with pytest.raises(StorageError, match=r"permission denied|read-only transaction"):
            run_sql(engine, "DELETE FROM events")
        with pytest.raises(StorageError, match=r"permission denied|read-only transaction"):
            run_sql(engine, "COMMIT; DELETE FROM events")
    writer.dispose()
    with pytest.raises(StorageError, match='relation "nothing" does not exist'):
        run_sql(reader, "SELECT * FROM nothing")
    with pytest.raises(StorageError, match="no ready query 'hits'; there are busiest_hours"):
        run_ready(reader, "hits")
    with pytest.raises(StorageError, match="has no parameter 'x'; there are from, rule, until"):
        run_ready(reader, "events_of_rule", {"x": 1})
    assert run_sql(reader, "SELECT ':a' || '%' || 'x'::text, 10 % 3", limit=5).rows == ((":a%x", 1),)
    assert run_sql(reader, "SELECT %(a)s || '%%'", {"a": "x"}).rows == (("x%",),)


def test_a_query_that_takes_too_long_is_stopped(reader: Engine) -> None:
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"stopped after 0.2 s. Ask for less"):
        run_sql(reader, "SELECT pg_sleep(60)", timeout_s=0.2)
    assert time.monotonic() - began < 30
    assert run_sql(reader, "SHOW statement_timeout").rows == (("5min",),)


def test_the_page_is_current(reader: Engine) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "sql.md"
    assert page.read_text(encoding="utf-8") == _page(reader), "run `make docs`"


def test_every_column_says_what_it_means(reader: Engine) -> None:
    columns = [line.split(" | ") for line in _page(reader).splitlines() if line.startswith("| `")]
    assert not [cells[0] for cells in columns if len(cells) == 3 and not cells[2].strip(" |")]


def _page(reader: Engine) -> str:
    with reader.connect() as connection:
        return render_sql_page(connection)


def test_scorers_are_compared_on_the_same_labels(reader: Engine) -> None:
    (row,) = ask(reader, "scorers_compared_on_labels")
    assert (row["class"], float(row["first"]), float(row["second"]), float(row["gain"])) == ("fall", 0.5, 0.75, 0.25)
    assert row["intervals_apart"]
    assert ask(reader, "scorers_compared_on_labels", first=1, second=1)[0]["gain"] == 0


def test_probabilities_come_from_the_newest_map_of_rule_and_scorer(module_database: TestDatabase) -> None:
    writer = make_engine(module_database.url())
    world.add_score_map(writer, "fall", [0.0, 1.0], [0.5, 0.5])
    world.add_score_map(writer, "fall", [0.2, 0.6, 1.0], [0.1, 0.3, 0.9])
    rows = ask(writer, "events_by_probability")
    writer.dispose()
    assert rows
    for row in rows:
        if row["rule"] == "bike":
            assert row["probability"] is None, "nothing was learned for this rule"
        else:
            expected = float(np.interp(row["peak_score"], [0.2, 0.6, 1.0], [0.1, 0.3, 0.9]))
            assert float(row["probability"]) == pytest.approx(expected, abs=1e-3)
