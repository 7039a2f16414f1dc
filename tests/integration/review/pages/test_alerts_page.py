"""The page of alerts: targets, a test, and what became of the last ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.app import create_app
from anyanomaly_core.review.host import FailedTask
from tests.conftest import TestDatabase
from tests.integration.results import world
from tests.integration.review.pages.pages_site import HeaderHost, settings_of, token

FILE = """
targets:
  chat: {kind: slack, connection: slack_ops, rules: [fa*]}
  bus: {kind: mqtt, connection: broker, rules: [bike]}
"""
_ALERT = """
    INSERT INTO alerts (target, event_id, rule, camera_id, started_at, ended_at, state, attempts, settled_at, problem)
    SELECT 'chat', event_id, rule, camera, started_at, ended_at, 'refused', 2, now(), :problem
    FROM event_list LIMIT 1"""


@pytest.fixture
def reviewer(database: TestDatabase, tmp_path: Path) -> Iterator[Engine]:
    scanner = make_engine(database.url())
    world.small_archive(scanner, tmp_path / "parquet")
    with scanner.begin() as connection:
        connection.execute(text(_ALERT), {"problem": "the server answered 400 <script>"})
    scanner.dispose()
    engine = make_engine(database.url("reviewer"))
    yield engine
    engine.dispose()


def client(reviewer: Engine, folder: Path, host: HeaderHost, file: Path | None) -> TestClient:
    settings = settings_of(folder, "postgresql+psycopg2://nowhere").model_copy(update={"alerts": file})
    return TestClient(create_app(host, reviewer, settings), headers={"x-user": "olga/op"}, follow_redirects=False)


def test_targets_are_tested_and_failures_told(reviewer: Engine, tmp_path: Path) -> None:
    host, file = HeaderHost(), tmp_path / "alerts.yaml"
    file.write_text(FILE, encoding="utf-8")
    browser = client(reviewer, tmp_path, host, file)
    page = browser.get("/alerts").text
    assert "Send a test to chat" in page
    assert "the server answered 400 &lt;script&gt;" in page
    assert "refused" in page
    assert "<b>chat</b> (slack)" in browser.get("/rules/fall").text
    assert "<b>chat</b>" not in browser.get("/rules/bike").text
    answer = browser.post("/alerts/test", data={"target": "chat", "csrf": token("olga")})
    assert host.started == [("olga", "send_alerts", {"test": "chat"})]
    assert "data-poll" in browser.get(answer.headers["location"]).text
    host.state, host.failed = "failed", (FailedTask("send", "failed", "/x", "There is no connection slack_ops."),)
    failed = browser.get(answer.headers["location"]).text
    assert "chat did not take the test" in failed
    assert "There is no connection slack_ops." in failed
    host.state = "success"
    assert "chat took a test" in browser.get(answer.headers["location"]).text
    unknown = browser.post("/alerts/test", data={"target": "chta", "csrf": token("olga")})
    assert unknown.status_code == 400
    assert "did you mean" in unknown.text
    file.write_text("targets: {chat: {kind: fax}}", encoding="utf-8")
    assert "No scan starts until this is put right" in browser.get("/alerts").text
    assert "ANYANOMALY_ALERTS" in client(reviewer, tmp_path, host, None).get("/alerts").text
