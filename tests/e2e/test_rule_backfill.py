"""Two rules over the same day of stored footage, through ``airflow backfill create`` and the real scheduler.

Both ask the models the same, so that they must get the same scores, although one of them is killed and stopped.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from small_site import Site, film, scoring_worker, settings_of

from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.embedded import pipeline, report, runs
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.engine import make_engine

DAY = "2026-02-14"
DAG = "backfill_rule"
RULE = "texts: [a person on a bicycle]\nthreshold: 0.5\ncameras: ['long*']\nactive: false\n"  # no nightly scan takes it
ROWS = """SELECT segment_index, status::text, score, frame_scores FROM segment_results
          WHERE rule = '{rule}' ORDER BY uri, segment_index"""


@pytest.fixture(scope="module")
def history(site: Site) -> Site:
    """A camera with a day of footage that was registered and never scanned, and two rules that are new."""
    film(site.archive / "long-road" / DAY / "10-00-00.mp4", 40.0)
    settings = settings_of(site)
    engine = make_engine(settings.database_url.get_secret_value())
    sampling = load_profile(settings.profile).sampling
    for found in find_new_files(engine, settings, cameras=["long-road"]):
        register_file(engine, found, settings=settings, sampling=sampling)
    engine.dispose()
    folder = site.rules.parent / "new rules"
    folder.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(RULE, encoding="utf-8")
    pipeline.apply(site.installation, folder)
    return site


def test_two_rules_for_the_same_day_side_by_side(history: Site) -> None:
    site = history
    create_backfill(site, "first")
    [first] = wait_for(lambda: runs_of(site, "first"), "a run for the first rule")
    assert runs.follow(site.api, DAG, first["dag_run_id"], timeout_s=600).state == "success"
    assert (first["run_type"], first["partition_key"]) == ("backfill", DAY)

    # The form, meanwhile: a dry run says what the second rule will take, from what the first one took.
    form = site.api.trigger(DAG, {"rule": "second"})
    dry = runs.follow(site.api, DAG, form, timeout_s=600)
    assert dry.state == "success"
    quoted = xcom(site, form, "quote")
    assert (quoted["videos"], quoted["segments"], quoted["tasks"]) == (1, 42, 1)  # 1000 frames, 24 a segment
    assert quoted["gpu_hours"], quoted["measured"]
    assert not [i for i in dry.instances if i["task_id"] == "score_days" and i["map_index"] >= 0]

    wait_for(lambda: all(b["completed_at"] for b in backfills(site)), "the end of the first backfill")
    create_backfill(site, "second")
    [second] = wait_for(lambda: [r for r in runs_of(site, "second") if r["run_type"] == "backfill"], "a second run")
    run_id = second["dag_run_id"]
    assert second["partition_key"] == DAY
    assert {first["state"] for first in runs_of(site, "first")} == {"success"}, "the first rule's run is still there"

    task = wait_for(lambda: scoring_worker(site), "a task that scores")
    task.kill()
    site.api._send("PATCH", f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}", {"state": "failed"})
    assert rows(site, ROWS.format(rule="second")) == [], "it was killed before it could commit"
    clear = {"dry_run": False}  # all tasks: what waited when the run was stopped is skipped, not failed
    site.api._send("POST", f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}/clear", clear)
    run = runs.follow(site.api, DAG, run_id, timeout_s=600)
    assert run.state == "success"

    scored = rows(site, ROWS.format(rule="second"))
    assert len(scored) == 42
    assert scored == rows(site, ROWS.format(rule="first"))
    everything = site.api._send("GET", f"/api/v2/dags/{DAG}/dagRuns?limit=100")["dag_runs"]
    assert {run["run_type"] for run in everything} == {"backfill", "manual"}, "no run starts by itself"
    dag = site.api._send("GET", f"/api/v2/dags/{DAG}")
    assert (dag["next_dagrun_run_after"], dag["is_backfillable"]) == (None, True)
    [instance] = [i for i in run.instances if i["task_id"] == "score_days"]
    assert instance["pool"] == "backfill"
    assert "taken over from an interrupted try" in site.api.task_log(DAG, run_id, instance)
    summary = xcom(site, run_id, "summarize")
    assert summary["remaining"]["videos"] == 0
    assert (summary["took"]["segments"], summary["quoted"]["segments"]) == (42, 42)
    states = rows(site, "SELECT rule, state, sum(seconds)::text FROM coverage WHERE camera = 'long-road' GROUP BY 1, 2")
    assert {row for row in states if row[0] in {"first", "second"}} == {
        ("first", "scored", "40"),
        ("second", "scored", "40"),
    }


def create_backfill(site: Site, rule: str) -> None:
    """As docs/backfill.md says."""
    command = [sys.executable, "-m", "anyanomaly_core.cli", "airflow", "--stack", site.installation.name]
    words = ["backfill", "create", "--dag-id", DAG, "--from-date", DAY, "--to-date", DAY]
    words += [
        "--reprocess-behavior",
        "completed",
        "--max-active-runs",
        "1",
        "--dag-run-conf",
        json.dumps({"rule": rule, "dry_run": False}),
    ]
    environment = {**os.environ, "ANYANOMALY_LOCAL_DIR": str(site.installation.folder.parent)}
    done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def runs_of(site: Site, rule: str) -> list[dict[str, Any]]:
    found = site.api._send("GET", f"/api/v2/dags/{DAG}/dagRuns?limit=100")["dag_runs"]
    return [run for run in found if (run["conf"] or {}).get("rule") == rule]


def backfills(site: Site) -> list[dict[str, Any]]:
    return site.api._send("GET", f"/api/v2/backfills?dag_id={DAG}")["backfills"]  # type: ignore[no-any-return]


def xcom(site: Site, run_id: str, task: str, *, dag: str = DAG) -> dict[str, Any]:
    path = f"/api/v2/dags/{dag}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task}/xcomEntries/return_value"
    value = site.api._send("GET", f"{path}?deserialize=true")["value"]
    return json.loads(value) if isinstance(value, str) else value  # type: ignore[no-any-return]


def rows(site: Site, statement: str) -> list[tuple[Any, ...]]:
    return report.query(site.installation, statement)[1]


def wait_for(look: Callable[[], Any], what: str) -> Any:  # noqa: ANN401  (whatever is looked for)
    deadline = time.monotonic() + 180
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)
    return found
