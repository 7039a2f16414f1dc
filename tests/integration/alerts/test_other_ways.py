"""Mail, Slack, MQTT and the command, each against a server that really speaks it."""

import email
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from email.policy import default
from queue import Queue
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from anyanomaly_core.alerts.connections import connection_from_environment
from anyanomaly_core.alerts.message import example_message
from anyanomaly_core.alerts.webhook import send_slack
from anyanomaly_core.cli.app import app
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import AnyAnomalyError
from tests.conftest import TestDatabase
from tests.integration.alerts.conftest import Site
from tests.servers.mailbox import mailbox
from tests.servers.webhook_server import Receiver, receiver

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def set_connection(patch: pytest.MonkeyPatch, name: str, **content: object) -> None:
    patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(content))


def test_a_mail_has_the_words_and_the_picture(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = site.write(duty={"kind": "mail", "connection": "post", "to": ["duty@example.org"], "picture": True})
    site.commit(alerts)
    with mailbox() as box:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "cams@example.org"}
        set_connection(monkeypatch, "post", host="127.0.0.1", port=box.port, extra=extra)
        assert site.send(alerts) == {"sent": 1}
    [raw] = box.messages
    mail = email.message_from_string(raw, policy=default)
    assert (mail["To"], mail["From"]) == ("duty@example.org", "cams@example.org")
    assert mail["Subject"] == "fall at gate, 2026-03-01 22:00:20, 0.90"
    words = mail.get_body().get_content()  # type: ignore[union-attr]
    assert "DROP TABLE" in words  # what the model wrote is told, as text
    assert "https://cctv.example.org/anyanomaly/event/" in words
    [picture] = mail.iter_attachments()  # type: ignore[attr-defined]
    assert picture.get_content_type() == "image/jpeg"


def test_slack_gets_text_that_mentions_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = site.write(chat={"kind": "slack", "connection": "chat"})
    site.commit(alerts)
    with receiver() as chat:
        set_connection(monkeypatch, "chat", host=f"{chat.url}/services", password="T1/B2/hush")
        assert site.send(alerts) == {"sent": 1}
        message = example_message(alerts)
        hostile = {**message.facts, "rationale": "<!channel> <https://evil.example|look> & \u202eabc"}
        send_slack(type(message)(message.key, message.at, hostile), connection_from_environment("chat"))
    path, _, body = chat.requests[0]
    assert path == "/services/T1/B2/hush"
    assert json.loads(body)["text"].startswith("*fall at gate, 2026-03-01 22:00:20, 0.90*\n")
    said = json.loads(chat.requests[1][2])["text"]
    assert "&lt;!channel&gt; &lt;https://evil.example|look&gt; &amp; [U+202E]abc" in said


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Mosquitto with one user, who may write below ``cctv/`` only; its port."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("broker")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subprocess.run(["mosquitto_passwd", "-c", "-b", folder / "users", "cams", "hush"], check=True)
    (folder / "rights").write_text("user cams\ntopic readwrite cctv/#\n")
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {folder}/users"]
    lines += [f"acl_file {folder}/rights", "persistence false", "user root"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([MOSQUITTO, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


def test_a_broker_gets_each_event_under_its_camera_and_rule(
    site: Site, broker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: Queue[tuple[str, dict[str, Any]]] = Queue()
    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.username_pw_set("cams", "hush")
    ready: Queue[bool] = Queue()
    listener.on_connect = lambda client, *_: client.subscribe("cctv/#")
    listener.on_subscribe = lambda *_: ready.put(True)
    listener.on_message = lambda _client, _data, message: heard.put((message.topic, json.loads(message.payload)))
    listener.connect("127.0.0.1", broker)
    listener.loop_start()
    ready.get(timeout=10)
    alerts = site.write(bus={"kind": "mqtt", "connection": "bus", "topic": "cctv/{camera}/{rule}", "picture": True})
    set_connection(monkeypatch, "bus", host="127.0.0.1", port=broker, login="cams", password="hush")
    site.commit(alerts)
    assert site.send(alerts) == {"sent": 1}
    topic, document = heard.get(timeout=10)
    listener.disconnect()
    listener.loop_stop()
    assert topic == "cctv/gate/fall"
    assert document["data"]["picture"]["media_type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("topic", "changed", "said"),
    [
        ("elsewhere", {}, "does not take elsewhere: Not authorized"),
        ("cctv/x", {"password": "wrong"}, "refuses the login: Not authorized"),
        ("cctv/x", {"port": 9}, "cannot be reached"),
    ],
)
def test_what_a_broker_does_not_take_waits(
    site: Site, broker: int, topic: str, changed: dict[str, object], said: str
) -> None:
    alerts = site.write(bus={"kind": "mqtt", "connection": "bus", "topic": topic})
    site.commit(alerts)
    connection = {"host": "127.0.0.1", "port": broker, "login": "cams", "password": "hush"}
    with pytest.MonkeyPatch.context() as patch:
        set_connection(patch, "bus", **{**connection, **changed})
        assert site.send(alerts) == {"postponed": 1}
    [(_, state, problem)] = site.alerts()
    assert state == "waiting"
    assert said in problem


def test_the_command_tests_lists_and_sends(
    site: Site, hook: Receiver, module_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = site.write(ops={"kind": "webhook", "connection": "ops"})
    for name in ("archive_root", "parquet_root", "state_dir", "alerts"):
        monkeypatch.setenv(f"ANYANOMALY_{name.upper()}", str(getattr(site.settings, name)))
    monkeypatch.setenv("ANYANOMALY_DATABASE_URL", module_database.url())
    get_settings.cache_clear()
    run = CliRunner()
    assert run.invoke(app, ["alerts", "test", "ops"]).exit_code == 0
    document = json.loads(hook.requests[0][2])
    assert document["data"]["test"] is True
    mistyped = run.invoke(app, ["alerts", "test", "opps"])
    assert isinstance(mistyped.exception, AnyAnomalyError)
    assert "did you mean 'ops'?" in str(mistyped.exception)
    hook.answers = [401]
    refused = run.invoke(app, ["alerts", "test", "ops"])
    assert "answered 401" in str(refused.exception)
    site.commit(alerts)
    assert run.invoke(app, ["alerts", "send"]).exit_code == 0
    [row] = json.loads(run.invoke(app, ["alerts", "list", "--json"]).stdout)
    assert (row["target"], row["kind"], row["sent"], row["waiting"], row["problem"]) == ("ops", "webhook", 1, 0, None)
    get_settings.cache_clear()
