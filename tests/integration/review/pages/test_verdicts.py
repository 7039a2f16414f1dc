"""Verdicts in the database: with history, by people, and what is learned from them."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.rule_store import load_rule
from anyanomaly_core.review import verdicts
from anyanomaly_core.review.drafts.rehearsal import rehearse_stored
from anyanomaly_core.review.labels import evaluation_labels, labelled_events, labels_csv, labels_zip
from anyanomaly_core.review.queries.rules import judged_peaks
from tests.conftest import TestDatabase
from tests.integration.results import world


@pytest.fixture
def reviewer(engine: Engine, database: TestDatabase, tmp_path: Path) -> Iterator[Engine]:
    world.small_archive(engine, tmp_path)
    made = make_engine(database.url("reviewer"))
    yield made
    made.dispose()


def current(engine: Engine) -> dict[UUID, tuple[str | None, str | None, str | None]]:
    with engine.connect() as connection:
        query = text(
            "SELECT event_id, verdict, reviewer, note FROM event_list WHERE is_current_version ORDER BY event_id"
        )
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}


def test_the_newest_verdict_counts_and_everything_said_stays(reviewer: Engine) -> None:
    event = next(iter(current(reviewer)))
    verdicts.add_verdict(reviewer, event, "real", reviewer="anna", note=" sure ")
    second = verdicts.add_verdict(reviewer, event, "false_alarm", reviewer="ben", note="a dog\0")
    assert current(reviewer)[event] == ("false_alarm", "ben", "a dog")
    verdicts.withdraw_verdict(reviewer, second, reviewer="ben")
    assert current(reviewer)[event] == ("real", "anna", "sure")
    with reviewer.connect() as connection:
        said = verdicts.verdict_history(connection, event)
        assert [(g.verdict, g.reviewer, g.withdrawn) for g in said] == [
            ("real", "anna", False), ("false_alarm", "ben", True), ("withdrawn", "ben", False),
        ]  # fmt: skip
        both = connection.execute(text("SELECT event_id, verdict, reviewer FROM current_verdicts")).all()
        assert [tuple(row) for row in both] == [(event, "real", "anna")]


def test_nobody_takes_back_what_another_said(reviewer: Engine) -> None:
    event = next(iter(current(reviewer)))
    given = verdicts.add_verdict(reviewer, event, "real", reviewer="anna")
    with pytest.raises(StorageError, match="anna's"):
        verdicts.withdraw_verdict(reviewer, given, reviewer="ben")
    verdicts.withdraw_verdict(reviewer, given, reviewer="anna")
    for wrong in (given, 10**9):
        with pytest.raises(StorageError):
            verdicts.withdraw_verdict(reviewer, wrong, reviewer="anna")
    assert current(reviewer)[event] == (None, None, None)
    row = """INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, withdraws)
             SELECT event_id, rule_version_id, 'withdrawn', 'ben', verdict_id FROM verdicts WHERE verdict = 'real'"""
    with pytest.raises(DBAPIError, match="one's own"), reviewer.begin() as connection:
        connection.execute(text(row))


def test_what_is_no_verdict_is_refused(reviewer: Engine) -> None:
    event = next(iter(current(reviewer)))
    with pytest.raises(StorageError, match="real, false_alarm, unsure"):
        verdicts.add_verdict(reviewer, event, "withdrawn", reviewer="anna")
    with pytest.raises(StorageError, match="no event"):
        verdicts.add_verdict(reviewer, uuid4(), "real", reviewer="anna")
    with pytest.raises(StorageError, match="2,000"):
        verdicts.add_verdict(reviewer, event, "real", reviewer="anna", note="x" * 2001)


def test_a_verdict_outlives_a_new_threshold(reviewer: Engine, engine: Engine) -> None:
    """The same event of the next version has the verdict given to the one before."""
    with reviewer.connect() as connection:
        query = text("SELECT event_id FROM event_list WHERE rule = 'fall' ORDER BY peak_score DESC LIMIT 1")
        event = connection.execute(query).scalar_one()
    verdicts.add_verdict(reviewer, event, "real", reviewer="anna")
    from anyanomaly_core.results.event_store import rederive_rule  # noqa: PLC0415

    rule = world.add_rule(engine, "fall", threshold=0.55)
    rederive_rule(engine, rule)
    assert current(reviewer)[event][0] == "real"
    with reviewer.connect() as connection:
        assert judged_peaks(connection, "fall")[1] == [True]


def test_verdicts_become_labels(reviewer: Engine) -> None:
    events = list(current(reviewer))
    for number, event in enumerate(events):
        verdict = ("real", "false_alarm", "unsure")[number % 3]
        verdicts.add_verdict(reviewer, event, verdict, reviewer="anna", note="=HYPERLINK(1)" if number == 0 else "")
    with reviewer.connect() as connection:
        rows = labelled_events(connection)
        only = labelled_events(connection, "bike")
    assert {row["event_id"] for row in rows} == set(events)
    assert {row["rule"] for row in only} == {"bike"}
    table = list(csv.DictReader(io.StringIO(labels_csv(rows))))
    assert len(table) == len(events)
    for row in table:
        assert row["label"] == {"real": "1", "false_alarm": "0", "unsure": ""}[row["verdict"]]
        assert 0 <= float(row["start_s"]) < float(row["end_s"])
        assert int(row["first_frame"]) <= int(row["last_frame"])
    assert [row["note"] for row in table if row["note"]] == ["'=HYPERLINK(1)"]


def test_the_labels_are_read_by_evaluate(reviewer: Engine, tmp_path: Path) -> None:
    """Frame by frame: 1 in real events, 0 in false alarms, nothing said anywhere else."""
    for number, event in enumerate(current(reviewer)):
        verdicts.add_verdict(reviewer, event, ("real", "false_alarm", "unsure")[number % 3], reviewer="anna")
    with reviewer.connect() as connection:
        rows = labelled_events(connection)
        packed = labels_zip(evaluation_labels(connection, rows))
        frames = dict(connection.execute(text("SELECT uri, frame_count FROM videos")).all())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path)
    for uri in frames:
        (tmp_path / uri).parent.mkdir(exist_ok=True)
        (tmp_path / uri).touch()
    opened = open_archive(tmp_path)
    assert opened.texts == {"bike": ("a bicycle", "a cyclist"), "fall": ("a person falls",)}
    for video in opened.videos:
        for rule, labels in video.labels.items():
            expected = [-1] * frames[video.name]
            for row in rows:
                if (row["uri"], row["rule"]) == (video.name, rule) and row["label"] is not None:
                    inside = range(row["first_frame"], row["last_frame"] + 1)
                    expected = [row["label"] if n in inside else value for n, value in enumerate(expected)]
            assert labels.array(frames[video.name]).tolist() == expected


def test_rehearsing_counts_what_a_threshold_would_lose(reviewer: Engine) -> None:
    """With the threshold over an event's peak the event is lost, and nothing is found by going up."""
    with reviewer.connect() as connection:
        query = text("SELECT peak_score FROM event_list WHERE rule = 'fall' AND is_current_version")
        peaks = sorted(connection.execute(query).scalars())
        rule = load_rule(connection, "fall").definition
    higher = (peaks[0] + peaks[1]) / 2
    tried = rehearse_stored(reviewer, rule.model_copy(update={"threshold": higher, "min_duration_s": 0.0}))
    assert tried.videos == 3
    assert tried.counts["lost"] >= 1
    same = rehearse_stored(reviewer, rule)
    assert same.counts == {"same": len(peaks)}
    assert all(change.second >= 0 for change in same.changes), "each has its picture"
