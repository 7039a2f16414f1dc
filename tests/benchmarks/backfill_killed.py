"""A rule that is new on day 31, over 30 rendered camera-days, killed on the way: is it as if it had not been?

    .venv/bin/python -m tests.benchmarks.backfill_killed [--kills 2]

The same archive is backfilled by two installations, each with its own PostgreSQL, Airflow and state, one after the
other. In the first, SIGKILL goes several times to the process that scores and to the scheduler, which is started again;
the second is left alone. Rows, events, ledger and Parquet files must be the same, else the exit status is 1.
"""

import argparse
import hashlib
import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from anyanomaly_core.demo.archive import ArchivePlan, make_archive
from anyanomaly_core.embedded import airflow, pipeline, report, runs, services
from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.embedded.ports import free_port
from tests.benchmarks.figures import Figures, add_save_option
from tests.e2e.small_site import Site, scoring_worker

DAG = "backfill_rule"
RULE = "texts: [a person riding a bicycle]\nthreshold: 0.4\nmin_duration_s: 0.5\nactive: false\n"  # no scan takes it
FORM = {"rule": "on-day-31"}
ABOUT = """\
Rendered camera-days are ingested, a rule is added and backfilled through the real scheduler. Again and again, when so
many more videos are committed and the next one is begun, SIGKILL goes to the process that scores and to the
scheduler, and the scheduler is started again; nobody clears or triggers anything. A second installation does the same
work undisturbed."""
SEGMENTS = """
SELECT rule, version, camera, uri, segment_index, first_frame, last_frame, started_at, ended_at, status, reason, score,
       peak, key_score, position_score, temporal_score, key_frame, grid_frames, winning_window, winning_text, rationale,
       frame_scores
FROM segment_results ORDER BY uri, segment_index"""
EVENTS = """
SELECT event_id, rule, version, camera, uri, first_frame, last_frame, started_at, ended_at, peak_score, peak_frame,
       mean_score, winning_text, rationale
FROM event_list ORDER BY event_id"""
LEDGER = "SELECT uri, state, seconds, segments, attempts FROM coverage WHERE rule = 'on-day-31' ORDER BY uri, state"


@dataclass(frozen=True)
class Outcome:
    """What a backfill left, and what it told."""

    tables: dict[str, list[tuple[Any, ...]]]
    parquet: dict[str, str]  # path -> SHA-256 of the whole file
    unfinished: int  # files that a killed task had not published yet; maintenance removes them
    tries: list[int]  # of the camera-days' tasks
    summary: dict[str, Any]
    seconds: float


def backfill(folder: Path, archive: Path, rules: Path, kills: list[int], slots: int) -> Outcome:
    """Ingest, add the rule, backfill it; killed as soon as so many videos are committed and another one is begun."""
    installation = Installation(folder)
    installation.configure({"ARCHIVE_ROOT": str(archive), "RULES_DIR": str(rules), "PROFILE": "demo"})
    installation.run.mkdir()
    (installation.run / "api.port").write_text(str(free_port()))  # not the usual one, which others may be about to take
    try:
        with pipeline.running_services(installation) as api:
            first = pipeline.ingest_and_scan(installation, api)  # thirty days without a rule
            pipeline.apply(installation, rules)
            pool = {"pool": "backfill", "slots": slots, "include_deferred": False, "description": "as measured"}
            api._send("PATCH", "/api/v2/pools/backfill", pool)
            site = Site(installation, api, archive, rules, first)
            started = time.monotonic()
            run_id = api.trigger(DAG, FORM)
            for videos in kills:
                kill(site, videos)
            run = runs.follow(api, DAG, run_id, timeout_s=3600)
            seconds = time.monotonic() - started
            if run.state != "success":
                raise SystemExit(f"The run failed: {[instance['task_id'] for instance in run.failed()]}")
            tries = [i["try_number"] for i in run.instances if i["task_id"] == "score_days"]
            names = {"segments": SEGMENTS, "events": EVENTS, "ledger": LEDGER}
            tables = {name: report.query(installation, statement)[1] for name, statement in names.items()}
            parquet = parquet_of(installation)
            unfinished = sum(path.is_file() for path in installation.parquet.rglob(".*"))
            return Outcome(tables, parquet, unfinished, tries, summary_of(site, run_id), seconds)
    finally:
        services.down(installation)


def kill(site: Site, videos: int) -> None:
    """SIGKILL to the process that scores and to the scheduler, in the middle of a video; the scheduler starts again."""
    while committed(site) < videos or (task := scoring_worker(site)) is None:
        time.sleep(0.02)
    task.kill()
    scheduler = next(service for service in airflow.services(site.installation) if service.name == "scheduler")
    process = scheduler.find()
    assert process is not None, "the scheduler runs"
    process.kill()
    process.wait(10)
    print(f"  killed task {task.pid} and scheduler {process.pid}, {committed(site)} videos done", flush=True)
    airflow.start(
        scheduler,
        site.installation,
        airflow.airflow_environment(site.installation, site.installation.last_api_port(), 3),
    )


def committed(site: Site) -> int:
    return len(report.query(site.installation, "SELECT FROM units")[1])


def parquet_of(installation: Installation) -> dict[str, str]:
    files = sorted(path for path in installation.parquet.rglob("*.parquet") if path.is_file())
    return {str(p.relative_to(installation.parquet)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def summary_of(site: Site, run_id: str) -> dict[str, Any]:
    path = f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}/taskInstances/summarize/xcomEntries/return_value"
    value = site.api._send("GET", f"{path}?deserialize=true")["value"]
    return json.loads(value) if isinstance(value, str) else value  # type: ignore[no-any-return]


def main() -> int:
    """Run both, print the table, say whether they are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--days", type=int, default=10, help="of each camera, two recordings a day")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each recording")
    parser.add_argument("--slots", type=int, default=1, help="of the pool: camera-days at the same time")
    parser.add_argument("--kills", type=int, default=2, help="of the scoring process and the scheduler, each")
    add_save_option(parser, "backfill-killed")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit must not leave services running
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-killed-"))
    folder.chmod(0o755)  # root's PostgreSQL runs as nobody
    try:
        archive, rules = folder / "archive", folder / "rules"
        plan = ArchivePlan(
            seed=31,
            cameras=options.cameras,
            clips_per_camera=2 * options.days,
            clip_s=options.seconds,
            events=("bicycle",),
        )
        make_archive(archive, plan, workers=1)
        rules.mkdir()
        (rules / "on-day-31.yaml").write_text(RULE, encoding="utf-8")
        videos = 2 * options.cameras * options.days
        kills = [videos * (number + 1) // (options.kills + 1) for number in range(options.kills)]
        killed = backfill(folder / "killed", archive, rules, kills, options.slots)
        left_alone = backfill(folder / "left alone", archive, rules, [], options.slots)
        figures = Figures(f"A backfill killed {options.kills} times", ABOUT)
        equal = compare(killed, left_alone, figures)
        figures.save(options.save)
        return 0 if equal else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(killed: Outcome, left_alone: Outcome, figures: Figures) -> bool:
    """Print both; whether they are the same."""
    figures.table("", "killed", "left alone")
    for name in killed.tables:
        figures.row(name, len(killed.tables[name]), len(left_alone.tables[name]))
    lines: dict[str, list[object]] = {"Parquet files": [], "unfinished files": []}
    lines |= {"camera-days": [], "of them tried again": []}
    lines |= {"seconds quoted, in slots": [], "seconds taken, in slots": [], "seconds of the run": []}
    for outcome in (killed, left_alone):
        quoted, took = outcome.summary["quoted"]["gpu_hours"], outcome.summary["took"]["gpu_hours"]
        again = sum(tries > 1 for tries in outcome.tries)
        said = "none" if quoted is None else round(quoted * 3600)
        values = [len(outcome.parquet), outcome.unfinished, len(outcome.tries), again, said]
        values += [round(took * 3600), round(outcome.seconds)]
        for line, value in zip(lines.values(), values, strict=True):
            line.append(value)
    for name, (one, other) in lines.items():
        figures.row(name, one, other)
    same = {f"the same {name}": killed.tables[name] == left_alone.tables[name] for name in killed.tables}
    same["the same bytes in Parquet"] = killed.parquet == left_alone.parquet
    same["something was found"] = bool(killed.tables["segments"]) and bool(killed.parquet)
    same["tasks were tried again"] = sum(tries > 1 for tries in killed.tries) >= 1
    for name, equal in same.items():
        figures.result(f"{name}: {'yes' if equal else 'NO'}")
    return all(same.values())


if __name__ == "__main__":
    sys.exit(main())
