"""News for a site's own DAGs and for people: new events start a DAG that is told which, and are sent as alerts."""

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from small_site import DAY, Site, film, settings_of
from sqlalchemy import text
from standardwebhooks import Webhook
from test_rule_backfill import xcom

from anyanomaly_core.embedded import pipeline, report, runs
from anyanomaly_core.results.engine import make_engine
from tests.servers.webhook_server import Receiver, receiver

EXAMPLE = "ring_the_bell"
RULE = "texts: [a person running]\nthreshold: 0.001\ncameras: [bell]\n"  # whatever there is to see is an event
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
ALERTS = """
targets:
  bell-ringer: {kind: webhook, connection: bell_ringer, rules: [anything], max_age_hours: 87600}
"""


@pytest.fixture
def ringer(site: Site) -> Iterator[Receiver]:
    """A receiver of alerts that Airflow knows by a connection, and that is out of order for a while."""
    alerts = site.rules.parent / "alerts.yaml"
    with receiver() as state:
        known = {"connection_id": "bell_ringer", "conn_type": "http", "host": state.url, "password": SECRET}
        site.api._send("POST", "/api/v2/connections", known)
        alerts.write_text(ALERTS, encoding="utf-8")
        state.answers += [503] * 3  # as often as a scan tries
        yield state
        alerts.write_text("targets: {}\n", encoding="utf-8")


def test_new_events_start_the_documented_dag_and_are_sent_as_alerts(site: Site, ringer: Receiver) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    [example] = [block for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if EXAMPLE in block]
    (site.installation.dags / "bell.py").write_text(example, encoding="utf-8")
    rules = site.rules.parent / "bell rules"
    rules.mkdir()
    (rules / "anything.yaml").write_text(RULE, encoding="utf-8")
    pipeline.apply(site.installation, rules)
    film(site.archive / "bell" / DAY / "10-00-00.mp4", 1.28)
    wait(lambda: site.api.dag(EXAMPLE), "the site's DAG in Airflow")

    scanned = pipeline.ingest_and_scan(site.installation, site.api)
    assert (scanned.ingest.state, scanned.scan.state) == ("success", "success")
    arrived = extra_of(site, "ingest_archive", scanned.ingest.run_id)["anyanomaly_footage"]
    assert arrived["cameras"]["bell"] == {"videos": 1, "days": 1, "first_day": DAY, "last_day": DAY}
    news = extra_of(site, "scan_archive", scanned.scan.run_id)
    assert set(news) == {"anyanomaly_scores", "anyanomaly_events"}
    statement = "SELECT count(*) FROM event_list WHERE rule = 'anything' AND camera = 'bell'"
    [(events,)] = report.query(site.installation, statement)[1]
    assert events >= 1
    assert news["anyanomaly_events"]["rules"]["anything"] == {"bell": events}

    [(_, run)] = [pair for pair in wait(lambda: started(site, scanned.scan.run_id), "its run") if pair[0] == EXAMPLE]
    wait(lambda: site.api.run_state(EXAMPLE, run) == "success", "the end of that run")
    assert xcom(site, run, "ring", dag=EXAMPLE) == [news["anyanomaly_events"]]

    ring(site, ringer, events)
    again = pipeline.ingest_and_scan(site.installation, site.api)
    assert again.units == 0
    assert extra_of(site, "scan_archive", again.scan.run_id) == {}, "nothing was scored: there is no news"


def ring(site: Site, ringer: Receiver, events: int) -> None:
    """What the scan could not deliver is sent by the next run of ``send_alerts``, signed, each alert once."""
    assert (len(ringer.requests), len(set(ringer.keys()))) == (3, 1), "the scan tried, and the target rests"
    waiting = "SELECT state, problem FROM alerts WHERE problem IS NOT NULL"
    [(state, problem)] = report.query(site.installation, waiting)[1]
    assert (state, "503" in problem) == ("waiting", True)
    engine = make_engine(settings_of(site).database_url.get_secret_value())
    with engine.begin() as connection:
        connection.execute(text("UPDATE alerts SET next_try_at = now()"))  # it has rested
    engine.dispose()
    run_id = site.api.trigger("send_alerts", {})
    assert runs.follow(site.api, "send_alerts", run_id, timeout_s=300).state == "success"
    sent = "SELECT count(*) FROM alerts WHERE state = 'sent'"
    assert wait(lambda: report.query(site.installation, sent)[1] == [(events,)], "all alerts")
    assert len(ringer.requests) == 3 + events
    assert len(set(ringer.keys())) == events, "a retry has the key of the first try"
    for _, headers, body in ringer.requests:
        document = Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
        assert (document["data"]["rule"], document["data"]["camera"]) == ("anything", "bell")


def started(site: Site, run_id: str) -> list[tuple[str, str]]:
    return site.api.runs_started_by("scan_archive", run_id)


def extra_of(site: Site, dag_id: str, run_id: str) -> dict[str, Any]:
    """Asset -> what its event of this run carries."""
    query = urlencode({"source_dag_id": dag_id, "source_run_id": run_id})
    events = site.api._send("GET", f"/api/v2/assets/events?{query}")["asset_events"]
    return {event["name"]: event["extra"] for event in events}


def wait(look: Any, what: str) -> Any:  # noqa: ANN401
    deadline = time.monotonic() + 240
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.5)
    return found
