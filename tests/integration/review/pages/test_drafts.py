"""Rules written on the pages: the form, its mistakes, its rights, its adoption, and the file that says the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import yaml
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.archive.rules import adopt_draft, apply_rule_files
from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.rehearsal import score_histogram
from anyanomaly_core.results.rule_store import list_rules, load_rule
from anyanomaly_core.review.drafts.form import RuleForm
from anyanomaly_core.review.host import FailedTask
from anyanomaly_core.rules.files import load_rule as load_rule_file
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import HeaderHost, client_of, token

NEW = {
    "name": "suitcase", "texts": "a red suitcase\r\n a person with a suitcase ", "excluded": "a handbag",
    "cameras": "gate, yard*", "hours": "22:00-06:00", "threshold": "0.6", "min_duration_s": "2", "active": "1",
    "based_on": "0",
}  # fmt: skip


@pytest.fixture
def filled(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    engine = make_engine(database.url())
    world.small_archive(engine, tmp_path / "parquet")
    engine.dispose()
    return database


@pytest.fixture
def reviewer(filled: TestDatabase) -> Iterator[Engine]:
    engine = make_engine(filled.url("reviewer"))
    yield engine
    engine.dispose()


@pytest.fixture
def scanner(filled: TestDatabase) -> Iterator[Engine]:
    engine = make_engine(filled.url())
    yield engine
    engine.dispose()


@pytest.fixture
def host() -> HeaderHost:
    return HeaderHost()


@pytest.fixture
def writer(reviewer: Engine, tmp_path: Path, host: HeaderHost) -> TestClient:
    return client_of(reviewer, tmp_path, host, user="olga/op")


def press(browser: TestClient, button: str, fields: dict[str, str], name: str = "olga") -> tuple[int, dict[str, str]]:
    """The answer to a button of the form: its status and what its address says."""
    answer = browser.post("/rules/_draft", data={**fields, "do": button, "csrf": token(name)})
    return answer.status_code, dict(
        parse_qsl(urlsplit(answer.headers.get("location", "")).query, keep_blank_values=True)
    )


def test_a_rule_is_written_and_adopted_with_its_author(writer: TestClient, host: HeaderHost, scanner: Engine) -> None:
    status, address = press(writer, "adopt", NEW)
    assert (status, address["dag"]) == (303, "adopt_rule")
    [(who, dag, conf)] = host.started
    assert (who, dag) == ("olga", "adopt_rule")
    with scanner.connect() as connection:
        assert "suitcase" not in [rule.name for rule in list_rules(connection)], "the page itself makes no version"
    applied = adopt_draft(scanner, int(conf["draft"]))
    assert (applied.change, applied.rule.author, applied.rule.state) == ("new", "olga", "active")
    rule = applied.rule.definition
    assert rule.texts == ("a red suitcase", "a person with a suitcase")
    assert rule.cameras == ("gate", "yard*")
    assert (rule.hours, rule.threshold, rule.min_duration_s) == ("22:00-06:00", 0.6, 2.0)
    host.state, host.result = "success", {"rule": "suitcase", "version": 1}
    done = writer.get("/rules/_new", params={**address})
    assert done.headers["location"] == "/rules/suitcase?adopted=1"
    assert "Version 1 is in force" in writer.get(done.headers["location"]).text
    assert adopt_draft(scanner, int(conf["draft"])).change == "none", "a second try finds it done"
    press(writer, "adopt", NEW | {"threshold": "0.7"})
    with pytest.raises(RuleError, match="is there already, in version 1"):
        adopt_draft(scanner, int(host.started[-1][2]["draft"]))


def test_another_threshold_is_another_version_with_its_events_at_once(
    writer: TestClient, host: HeaderHost, scanner: Engine
) -> None:
    page = writer.get("/rules/fall/edit").text
    assert "Adopt as version 2" in page
    with scanner.connect() as connection:
        rule = load_rule(connection, "fall")
    form = RuleForm.of(rule.definition, based_on=1, active=True)
    fields = {name: getattr(form, name) for name in RuleForm.__slots__} | {"rule": "fall", "threshold": "0.01"}
    press(writer, "adopt", fields)
    applied = adopt_draft(scanner, int(host.started[-1][2]["draft"]))
    assert (applied.rule.version, applied.needs_scoring) == (2, False)
    with scanner.connect() as connection:
        events = text("SELECT count(*) FROM event_list WHERE rule = 'fall' AND is_current_version AND version = 2")
        assert connection.execute(events).scalar_one() > 0
    press(writer, "adopt", {**fields, "threshold": "0.9"})
    with pytest.raises(RuleError, match="has version 2 by now"):
        adopt_draft(scanner, int(host.started[-1][2]["draft"]))
    assert "Version 2 is in force by now" in writer.get("/rules/fall/edit?based_on=1").text


def test_a_file_that_says_what_it_said_does_not_undo_what_was_adopted(
    writer: TestClient, host: HeaderHost, scanner: Engine, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    file = rules / "suitcase.yaml"
    file.write_text("texts: [a suitcase]\nthreshold: 0.4\n", encoding="utf-8")
    assert [item.change for item in apply_rule_files(scanner, rules, author="make")] == ["new"]
    press(writer, "adopt", {**NEW, "based_on": "1", "rule": "suitcase"})
    adopt_draft(scanner, int(host.started[-1][2]["draft"]))
    [again] = apply_rule_files(scanner, rules, author="make")
    assert (again.change, again.rule.version, again.rule.author) == ("kept", 2, "olga")
    file.write_text("texts: [a suitcase]\nthreshold: 0.4\nactive: false\n", encoding="utf-8")
    [paused] = apply_rule_files(scanner, rules, author="make")
    assert (paused.change, paused.rule.version, paused.rule.state) == ("state", 2, "paused")
    file.write_text("texts: [a suitcase]\nthreshold: 0.5\n", encoding="utf-8")
    [newer] = apply_rule_files(scanner, rules, author="make")
    assert (newer.change, newer.rule.version, newer.rule.state) == ("version", 3, "active")


def test_the_file_that_is_downloaded_says_the_same(writer: TestClient, tmp_path: Path, scanner: Engine) -> None:
    answer = writer.post("/rules/_draft", data={**NEW, "do": "yaml", "csrf": token("olga")})
    assert answer.headers["content-disposition"] == 'attachment; filename="suitcase.yaml"'
    path = tmp_path / "suitcase.yaml"
    path.write_text(answer.text, encoding="utf-8")
    assert load_rule_file(path) == RuleForm().changed(NEW).definition()
    assert "release_threshold" not in answer.text, "what is as by default is left out"
    with scanner.connect() as connection:
        stored = load_rule(connection, "fall").definition
    assert yaml.safe_load(writer.get("/rules/fall/rule.yaml").text)["texts"] == list(stored.texts)


MISTAKES = [
    ({"texts": ""}, "texts: the list is empty"),
    ({"name": "Red Suitcase"}, "use up to 63 lower-case letters"),
    ({"threshold": "0,6"}, "write 0.6, with a point"),
    ({"threshold": "7"}, "7 is too much"),
    ({"release_threshold": "0.9"}, "release_threshold 0.9 is above threshold 0.6"),
    ({"hours": "late"}, "hours"),
    ({"cameras": "gate[1-3]"}, "stand for nothing here"),
    ({"profile": "/etc/passwd"}, "profile: there is no"),
    ({"moment": "gate|soon"}, "is no time such as"),
]


def test_a_mistake_is_told_in_words_and_starts_nothing(writer: TestClient, host: HeaderHost) -> None:
    for change, words in MISTAKES:
        status, address = press(writer, "adopt", NEW | change)
        assert status == 303
        page = writer.get("/rules/_new", params=address).text
        assert words in page.replace("&#39;", "'")
        assert "a handbag" in page, "what was written is still there"
    assert host.started == []


def test_who_may_judge_may_not_write_rules(reviewer: Engine, tmp_path: Path, host: HeaderHost) -> None:
    for user, who in (("anna/user", "anna"), ("vera/viewer", "vera")):
        browser = client_of(reviewer, tmp_path, host, user=user)
        page = browser.get("/rules/_new")
        assert page.status_code == 200
        assert not re.search('value="(adopt|try|score|rehearse)"', page.text)
        assert press(browser, "adopt", NEW, who)[0] == 403
        assert browser.post("/alerts/test", data={"target": "x", "csrf": token(who)}).status_code == 403
    writer = client_of(reviewer, tmp_path, host, user="olga/op")
    assert writer.post("/rules/_draft", data={**NEW, "do": "adopt"}).status_code == 403, "without our token"
    assert host.started == []


def test_a_trial_and_a_sample_are_started_and_shown(writer: TestClient, host: HeaderHost) -> None:
    other = {"moment": "other", "other_camera": "gate", "other_time": "2026-03-01T22:00:05"}
    _, address = press(writer, "try", NEW | other)
    conf = host.started[-1][2]
    assert (conf["camera"], conf["moment"]) == ("gate", "2026-03-01 22:00:05")
    assert conf["draft"]["texts"] == ["a red suitcase", "a person with a suitcase"]
    waiting = writer.get("/rules/_new", params=address).text
    assert "data-poll" in waiting
    segment = {"start_s": 0.0, "end_s": 1.6, "score": 0.83, "reason": None}
    host.state = "success"
    host.result = {
        "source": "gate, 2026-03-01 22:00:05", "texts": "a red suitcase", "profile": "demo", "notice": "Only a demo.",
        "video_id": 1, "segments": [segment], "best": 0, "rationale": "<b>Somebody</b> carries it", "pictures": {},
    }  # fmt: skip
    page = writer.get("/rules/_new", params=address).text
    assert "&lt;b&gt;Somebody&lt;/b&gt; carries it" in page
    assert "0.83" in page
    assert "Only a demo." in page
    press(writer, "score", NEW)
    assert "camera" not in host.started[-1][2]
    host.state, host.failed = "failed", (FailedTask("try_draft", "failed", "/x", "There is no footage of gate."),)
    assert "There is no footage of gate." in writer.get("/rules/_new", params=address).text
    host.state, host.result = "success", {"something": "else"}
    assert writer.get("/rules/_new", params=address).status_code == 400


def test_the_histogram_counts_every_scored_frame_once() -> None:
    scores = np.array([0.0, 0.019, 0.02, 0.5, 1.0, np.nan], np.float32)
    counts = score_histogram(scores)
    assert counts.sum() == 5
    assert (counts[0], counts[1], counts[25], counts[49]) == (2, 1, 1, 1)
