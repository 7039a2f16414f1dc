"""Alerts to a real receiver: what it gets, and that it gets each alert once, whatever dies on the way."""

import base64
import dataclasses
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text
from standardwebhooks import Webhook

from anyanomaly_core.alerts.sender import AlertSender
from anyanomaly_core.errors import StorageError
from tests.integration.alerts.conftest import SECRET, Site
from tests.integration.review.kept_footage import FIRST
from tests.servers.webhook_server import Receiver, receiver

OPS = {"kind": "webhook", "connection": "ops"}


def test_an_event_is_told_once_signed_with_link_and_picture(site: Site, hook: Receiver) -> None:
    alerts = site.write(ops={**OPS, "picture": True, "rules": ["fa*"], "cameras": ["gate"], "min_score": 0.8})
    site.commit(alerts)
    assert site.send(alerts) == {"sent": 1}
    [(path, headers, body)] = hook.requests
    assert path == "/hook?token=hidden"
    lowered = {name.lower(): value for name, value in headers.items()}
    document = Webhook(SECRET).verify(body, lowered)  # the standard's own library
    assert lowered["webhook-id"] == headers["Idempotency-Key"] == document["key"]
    data = document["data"]
    assert (data["rule"], data["camera"], data["peak_score"]) == ("fall", "gate", pytest.approx(0.9))
    assert data["started_at"].startswith("2026-03-01T21:00:20")  # 22:00 in Berlin, and 310 of 15 frames a second
    assert data["link"] == f"https://cctv.example.org/anyanomaly/event/{data['event_id']}"
    picture = Image.open(io.BytesIO(base64.b64decode(data["picture"]["base64"])))
    assert (picture.format, picture.size) == ("JPEG", (320, 240))
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(body.replace(b'"gate"', b'"yard"'), lowered)

    site.commit(alerts)  # a retry of the same unit
    site.commit(alerts, (FIRST + 5,), revision="2")  # other models find it a moment later, under another id
    assert site.send(alerts) == {}
    site.commit(alerts, (FIRST + 5, 60), revision="2")  # this one is new
    assert site.send(alerts) == {"sent": 1}
    assert len(set(hook.keys())) == 2


def test_only_what_a_target_asks_for_is_queued(site: Site) -> None:
    alerts = site.write(
        rule={**OPS, "rules": ["other"]},
        camera={**OPS, "cameras": ["yard"]},
        score={**OPS, "min_score": 0.95},
        age={**OPS, "max_age_hours": 1},
        all=OPS,
    )
    site.commit(alerts)
    assert [target for target, _, _ in site.alerts()] == ["all"]


def test_a_target_that_is_away_rests_and_the_others_are_told(site: Site, hook: Receiver) -> None:
    hook.answers = [503, 503, 503]
    with receiver() as other:
        other_site = {"conn_type": "http", "host": other.url, "password": "plain words"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_OTHER", json.dumps(other_site))
            alerts = site.write(ops=OPS, other={**OPS, "connection": "other"}, nowhere={**OPS, "connection": "no"})
            site.commit(alerts)
            assert site.send(alerts) == {"sent": 1, "postponed": 2}
            assert site.send(alerts) == {}  # it rests
            site.rested()
            assert site.send(alerts) == {"sent": 1, "postponed": 1}
    assert len(hook.requests) == 4  # three quick tries, and one after the rest
    assert len(set(hook.keys())) == 1
    states = {target: (state, problem) for target, state, problem in site.alerts()}
    assert states["nowhere"][0] == "waiting"
    assert "AIRFLOW_CONN_NO" in states["nowhere"][1]


@pytest.mark.parametrize(("status", "state"), [(401, "waiting"), (302, "waiting"), (400, "refused")])
def test_an_answer_that_is_no_yes_is_kept_without_the_address(
    site: Site, hook: Receiver, caplog: pytest.LogCaptureFixture, status: int, state: str
) -> None:
    hook.answers = [status]
    alerts = site.write(ops=OPS)
    site.commit(alerts)
    site.send(alerts)
    [(_, found, problem)] = site.alerts()
    assert (found, len(hook.requests)) == (state, 1)
    assert f"answered {status}: said" in problem
    assert "hidden" not in problem + caplog.text  # a token in the address is a secret


@pytest.mark.usefixtures("hook")
def test_more_than_the_rate_waits(site: Site) -> None:
    alerts = site.write(ops={**OPS, "per_hour": 2})
    site.commit(alerts, (10, 80, 160, 240))
    assert site.send(alerts) == {"sent": 2}
    with site.engine.begin() as connection:
        connection.execute(text("UPDATE alerts SET settled_at = now() - interval '61 minutes' WHERE state = 'sent'"))
    assert site.send(alerts) == {"sent": 2}


def test_what_is_no_longer_there_is_not_told_and_does_not_hide_what_came_instead(site: Site, hook: Receiver) -> None:
    alerts = site.write(ops=OPS)
    site.commit(alerts)
    site.commit(alerts, (FIRST + 5,), revision="2")
    assert site.send(alerts) == {"gone": 1, "sent": 1}
    assert json.loads(hook.requests[0][2])["data"]["peak_at"] > "2026-03-01T21:00:21"


def test_a_commit_that_fails_queues_nothing(site: Site, tmp_path: Path) -> None:
    alerts = site.write(ops=OPS)
    (tmp_path / "parquet").write_text("a file where a folder should be")
    settings = site.kept.settings.model_copy(update={"parquet_root": tmp_path / "parquet"})
    broken = Site(dataclasses.replace(site.kept, settings=settings), tmp_path)
    with pytest.raises(StorageError):
        broken.commit(alerts)
    assert site.alerts() == []


def test_a_sender_killed_before_the_answer_leaves_the_alert_to_the_next_with_the_same_key(
    site: Site, hook: Receiver
) -> None:
    alerts = site.write(ops=OPS)
    site.commit(alerts)
    hook.held.clear()
    code = f"""
from pathlib import Path
from anyanomaly_core.alerts.connections import connection_from_environment
from anyanomaly_core.alerts.delivery import send_waiting
from anyanomaly_core.config import Settings
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.rules.alerts import load_alerts
settings = Settings.model_validate_json({site.settings.model_dump_json()!r})
engine = make_engine({site.engine.url.render_as_string(hide_password=False)!r})
send_waiting(engine, settings, load_alerts(settings.alerts), connection_from_environment)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    assert hook.came.wait(60)
    assert site.send(alerts) == {}  # who sends it has it for himself
    process.send_signal(signal.SIGKILL)
    process.wait()
    hook.held.set()
    site.rested()
    assert site.send(alerts) == {"sent": 1}
    assert len(hook.requests) == 2
    assert len(set(hook.keys())) == 1


def test_a_target_that_hangs_keeps_no_scan_waiting(site: Site, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyanomaly_core.alerts.sender._LAST_WORDS_S", 0.5)
    alerts = site.write(ops=OPS)
    hook.held.clear()
    began = time.monotonic()
    with AlertSender(site.engine, site.settings) as sender:
        site.commit(alerts)
        sender.wake()
        woken = time.monotonic() - began
        assert hook.came.wait(10)
    assert woken < 2
    assert time.monotonic() - began < 5
    hook.held.set()
    for _ in range(100):
        if site.alerts()[0][1] == "sent":
            break
        time.sleep(0.05)
    assert site.alerts()[0][1] == "sent"
