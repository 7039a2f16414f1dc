"""Incidents: repeats of a rule on a camera are one card, and a verdict on it is one on each of its events."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.results.engine import make_engine
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import client_of, token

_EVENT = text("""
    INSERT INTO events
    SELECT gen_random_uuid(), rv.rule_version_id, v.video_id, s.scorer_id, CAST(:camera AS text), 10, 12,
           :at, :at + interval '10 s', CAST(:peak AS real), 11, :at, 0.5, 0, 'a person falls', NULL
    FROM rules r JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version), videos v, scorers s
    WHERE r.name = :rule AND v.uri = 'gate/1.mp4' LIMIT 1 RETURNING event_id""")
_SAID = "SELECT event_id, verdict FROM event_list WHERE is_current_version AND verdict IS NOT NULL"


@pytest.fixture(scope="module")
def incidents(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[UUID]]:
    """Seconds after a moment at which events of ten seconds begin, by what they are; by hand."""
    scanner, owner = make_engine(module_database.url()), make_engine(module_database.url("anyanomaly"))
    world.small_archive(scanner, tmp_path_factory.mktemp("parquet"))
    written = {
        "three in a row": ("gate", "fall", [(0, 0.7), (100, 0.9), (230, 0.8)]),  # 90 s and 120 s of quiet
        "two minutes and a second later": ("gate", "fall", [(361, 0.6)]),
        "another camera meanwhile": ("yard & co", "fall", [(50, 0.75)]),
        "another rule meanwhile": ("gate", "bike", [(60, 0.65)]),
    }
    found: dict[str, list[UUID]] = {}
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM events"))
        for name, (camera, rule, events) in written.items():
            for second, peak in events:
                moment = {"at": world.START + timedelta(seconds=second), "peak": peak, "camera": camera, "rule": rule}
                found.setdefault(name, []).append(connection.execute(_EVENT, moment).scalar_one())
    scanner.dispose()
    owner.dispose()
    return found


@pytest.fixture
def reviewer(incidents: dict[str, list[UUID]], module_database: TestDatabase) -> Iterator[Engine]:  # noqa: ARG001
    owner, engine = make_engine(module_database.url("anyanomaly")), make_engine(module_database.url("reviewer"))
    yield engine
    engine.dispose()
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE verdicts DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM verdicts"))
        connection.execute(text("ALTER TABLE verdicts ENABLE TRIGGER USER"))
    owner.dispose()


@pytest.fixture
def browser(reviewer: Engine, tmp_path: Path) -> TestClient:
    return client_of(reviewer, tmp_path)


def cards(page: str) -> dict[str, str]:
    """Event id that stands for an incident -> what its checkbox says."""
    return {value.split("|")[0]: value for value in re.findall(r'name="event" value="([^"]+)" form="bulk"', page)}


def said(engine: Engine) -> dict[UUID, str]:
    with engine.connect() as connection:
        return {row.event_id: row.verdict for row in connection.execute(text(_SAID))}


def test_repeats_are_one_card_under_the_highest_score(browser: TestClient, incidents: dict[str, list[UUID]]) -> None:
    page = browser.get("/queue").text
    first, second, third = incidents["three in a row"]
    others = [events[0] for name, events in incidents.items() if name != "three in a row"]
    assert next(iter(cards(page))) == str(second), "the highest of all stands first"
    assert set(cards(page)) == {str(second), *map(str, others)}
    assert ">3 events<" in page
    assert re.search(r'<span id="left">4</span>.*incidents of 6 events', page, re.DOTALL)
    single = cards(browser.get("/queue?repeats=single").text)
    assert {str(first), str(third)} < set(single)
    assert len(single) == 6


def test_every_page_of_incidents_holds_others(browser: TestClient, reviewer: Engine) -> None:
    from anyanomaly_core.review.queries.filters import Filters  # noqa: PLC0415
    from anyanomaly_core.review.queries.queue import cursor_of, find_incidents  # noqa: PLC0415

    shown = list(cards(browser.get("/queue?order=time").text))
    seen, after = [], ""
    with reviewer.connect() as connection:
        while page := find_incidents(connection, Filters(order="time", after=after), limit=1).incidents:
            seen.append(str(page[0]["event_id"]))
            after = cursor_of(page[0], "time")
    assert seen == shown


def test_a_verdict_on_a_card_is_one_on_each_event_and_is_taken_back_as_one(
    browser: TestClient, reviewer: Engine, incidents: dict[str, list[UUID]]
) -> None:
    three = incidents["three in a row"]
    card = cards(browser.get("/queue").text)[str(three[1])]
    form = {"event": card, "verdict": "false_alarm", "csrf": token(), "note": "a shadow"}
    answer = browser.post("/verdict", data=form, headers={"HX-Request": "true"})
    assert said(reviewer) == dict.fromkeys(three, "false_alarm")
    assert "and 2 more" in answer.text
    [given] = re.findall(r'name="verdict_id" value="(\d+)"', answer.text)
    back = browser.post("/undo", data={"verdict_id": given, "csrf": token()}, headers={"HX-Request": "true"})
    assert f'id="e-{three[1]}"' in back.text
    assert ">3 events<" in back.text
    assert said(reviewer) == {}


def test_one_by_one_a_verdict_is_on_one_event_even_beside_another_at_the_same_moment(
    browser: TestClient, reviewer: Engine, incidents: dict[str, list[UUID]], module_database: TestDatabase
) -> None:
    owner = make_engine(module_database.url("anyanomaly"))
    with owner.begin() as connection:
        moment = {"at": world.START, "peak": 0.55, "camera": "gate", "rule": "fall"}
        twin = connection.execute(_EVENT, moment).scalar_one()
    first = incidents["three in a row"][0]
    card = cards(browser.get("/queue?repeats=single").text)[str(first)]
    form = {"event": card, "verdict": "real", "csrf": token(), "listed": "repeats=single"}
    answer = browser.post("/verdict", data=form, headers={"HX-Request": "true"})
    assert said(reviewer) == {first: "real"}
    [given] = re.findall(r'name="verdict_id" value="(\d+)"', answer.text)
    back = browser.post("/undo", data={"verdict_id": given, "csrf": token()}, headers={"HX-Request": "true"})
    assert "events<" not in back.text
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM events WHERE event_id = :twin"), {"twin": twin})
    owner.dispose()


def test_what_was_judged_before_is_not_judged_again(
    browser: TestClient, reviewer: Engine, incidents: dict[str, list[UUID]]
) -> None:
    first, second, third = incidents["three in a row"]
    browser.post("/verdict", data={"event": str(first), "verdict": "real", "csrf": token()})
    card = cards(browser.get("/queue").text)[str(second)]
    browser.post("/verdict", data={"event": card, "verdict": "unsure", "csrf": token()})
    assert said(reviewer) == {first: "real", second: "unsure", third: "unsure"}


def test_many_cards_are_judged_at_once(browser: TestClient, reviewer: Engine, incidents: dict[str, list[UUID]]) -> None:
    shown = cards(browser.get("/queue").text)
    answer = browser.post("/verdict", data={"event": list(shown.values()), "verdict": "real", "csrf": token()})
    everything = [event for events in incidents.values() for event in events]
    assert said(reviewer) == dict.fromkeys(everything, "real")
    page = browser.get(answer.headers["location"]).text
    assert "All judged" in page
    assert "and 5 more" in page
    [given] = re.findall(r'name="verdict_id" value="(\d+)"', page)
    undone = browser.post("/undo", data={"verdict_id": given, "csrf": token(), "to": "queue"})
    assert undone.headers["location"].startswith("/queue")
    assert said(reviewer) == {}


@pytest.mark.parametrize("stated", ["", "x", "|", "0|1|2", "00000000-0000-0000-0000-000000000000|x|y"])
def test_a_form_that_names_no_event_writes_nothing(browser: TestClient, reviewer: Engine, stated: str) -> None:
    answer = browser.post("/verdict", data={"event": stated, "verdict": "real", "csrf": token()})
    assert answer.status_code in {400, 404}
    assert said(reviewer) == {}
