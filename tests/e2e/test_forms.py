"""What the DAGs make of what is filled in: proposals, wrong types and misspelt fields, through the real Airflow."""

import email
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
from small_site import RULES, Site

from anyanomaly_core.embedded import report, runs
from anyanomaly_core.embedded.airflow_api import AirflowError
from tests.servers.mailbox import mailbox

MISSPELT = {
    "ingest_archive": ("camera", "cameras", {}),
    "scan_archive": ("camera", "cameras", {}),
    "backfill_rule": ("dryrun", "dry_run", {"rule": "somebody-runs"}),
    "change_rule_state": ("rules", "rule", {"rule": "somebody-runs", "state": "retired"}),
    "evaluate_scorer": ("profiles", "profile", {"archive": "yard"}),
    "maintain_archive": ("dry-run", "dry_run", {}),
    "morning_report": ("nights", "night", {}),
}


def test_a_misspelt_field_is_refused_with_the_nearest_name_and_a_mail_says_so(site: Site) -> None:
    """Airflow takes any key; `camera` for `cameras` would mean all of them."""
    before = _work(site)
    with mailbox() as box:
        site.api._send("POST", "/api/v2/connections", {"connection_id": "smtp_default", **connection(box.port)})
        started = {dag: site.api.trigger(dag, {**form, key: "x"}) for dag, (key, _, form) in MISSPELT.items()}
        _require_refusals(site, started)
        assert _work(site) == before
        deadline = time.monotonic() + 120
        while len(box.messages) < len(started):
            assert time.monotonic() < deadline, f"{len(box.messages)} mails for {len(started)} failed runs"
            time.sleep(0.5)
    mails = [email.message_from_string(message) for message in box.messages]
    assert {mail["To"] for mail in mails} == {"night@example.org"}
    texts = [str(part.get_payload(decode=True)) for mail in mails for part in mail.walk()]
    for dag, run_id in started.items():
        [text] = [text for text in texts if f"<b>{dag}</b>" in text]
        assert f"<b>{run_id}</b>" in text
        assert f"/dags/{dag}/runs/" in text, "with a link"


def _require_refusals(site: Site, started: dict[str, str]) -> None:
    for dag, run_id in started.items():
        key, meant, _ = MISSPELT[dag]
        run = runs.follow(site.api, dag, run_id, timeout_s=240, say=lambda _: None)
        assert run.state == "failed"
        assert not [i for i in run.instances if i["state"] == "success"], "nothing is done"
        first = min(run.failed(), key=lambda i: str(i["start_date"]))
        assert first["try_number"] == 1, "and it is not tried again"
        message = f"The form of {dag} has no field '{key}'; did you mean '{meant}'?"
        assert message in _errors(site, dag, run_id, first)


def test_a_value_of_the_wrong_type_starts_no_run(site: Site) -> None:
    for dag, (_, _, form) in MISSPELT.items():
        for name in _params(site, dag):
            with pytest.raises(AirflowError, match="400"):
                site.api.trigger(dag, {**form, name: {"an": "object"}})
    for dag in ("backfill_rule", "change_rule_state", "evaluate_scorer"):
        with pytest.raises(AirflowError, match="400"):
            site.api.trigger(dag, {})  # what must be given is not


def test_forms_propose_the_rules_there_are(site: Site) -> None:
    """They stand there as soon as Airflow has read the DAG file again, half a minute after rules were applied."""
    deadline = time.monotonic() + 120
    while not set(RULES) <= set(_params(site, "backfill_rule")["rule"]["schema"].get("examples", [])):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert set(RULES) <= set(_params(site, "scan_archive")["rules"]["schema"]["examples"])


def connection(port: int) -> dict[str, Any]:
    """A mail server without encryption on this machine, as Airflow's API takes it."""
    extra = json.dumps({"disable_ssl": True, "disable_tls": True})
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}


def _params(site: Site, dag: str) -> dict[str, Any]:
    return dict(site.api._send("GET", f"/api/v2/dags/{dag}/details")["params"])


def _errors(site: Site, dag: str, run_id: str, instance: dict[str, Any]) -> list[str]:
    """The exceptions in a task's log."""
    path = f"/api/v2/dags/{dag}/dagRuns/{quote(run_id, safe='')}/taskInstances/{instance['task_id']}/logs/1"
    found = site.api._send("GET", f"{path}?map_index={instance['map_index']}&full_content=true")["content"]
    return [error["exc_value"] for entry in found for error in entry.get("error_detail") or ()]


def _work(site: Site) -> tuple[Any, ...]:
    """What any of the DAGs could have changed."""
    statement = """SELECT (SELECT count(*) FROM scan_runs), (SELECT count(*) FROM video_files),
        (SELECT count(*) FROM units), (SELECT string_agg(name || state, ' ' ORDER BY name) FROM rules)"""
    return report.query(site.installation, statement)[1][0]
