"""News for a site's own DAGs: the example of docs/operations.md is started by new events, and told which."""

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from small_site import DAY, Site, film
from test_rule_backfill import xcom

from anyanomaly_core.embedded import pipeline, report

EXAMPLE = "ring_the_bell"
RULE = "texts: [a person running]\nthreshold: 0.001\ncameras: [bell]\n"  # whatever there is to see is an event


def test_the_documented_dag_starts_on_new_events_and_knows_them(site: Site) -> None:
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

    again = pipeline.ingest_and_scan(site.installation, site.api)
    assert again.units == 0
    assert extra_of(site, "scan_archive", again.scan.run_id) == {}, "nothing was scored: there is no news"


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
