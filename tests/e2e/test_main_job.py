"""From a folder of footage to scores in SQL and Parquet, through Airflow's real scheduler."""

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg2
import pyarrow.dataset
import pytest
from psycopg2 import sql
from review_browser import PAGES, token_of
from small_site import DAY, RULES, Site, film, settings_of

from anyanomaly_core.archive.outcome import ScanOutcome, scan_outcome
from anyanomaly_core.embedded import pipeline, report, runs
from anyanomaly_core.embedded.postgres_users import SUPERUSER, read_passwords

GOOD = {f"gate-north/{DAY}/10-00-00.mp4": 50, f"gate-north/{DAY}/10-05-00.mp4": 60, f"hall/{DAY}/11-00-00.mp4": 26}
BROKEN = f"gate-north/{DAY}/10-10-00.mp4"
CUT = f"hall/{DAY}/11-05-00.mp4"
LONG_NAME = "sound" + 220 * "x"  # with the rest of a unit's name more than the 250 characters of Airflow's table


def rows(site: Site, statement: str) -> list[tuple[Any, ...]]:
    return report.query(site.installation, statement)[1]


def test_both_runs_end_well(site: Site) -> None:
    assert site.first.ingest.state == "success"
    assert site.first.scan.state == "success", [i["task_id"] for i in site.first.scan.failed()]
    assert site.first.units >= 1


def test_every_good_file_is_known_with_its_camera_time_and_frames(site: Site) -> None:
    found = rows(site, "SELECT uri, camera_id, recorded_at::text, frame_count, state::text FROM videos ORDER BY uri")
    ready = {uri: (camera, at, frames) for uri, camera, at, frames, state in found if state == "ready"}
    for uri, frames in GOOD.items():
        camera, day, time = uri.removesuffix(".mp4").split("/")
        assert ready[uri] == (camera, f"{day} {time.replace('-', ':')}+00", frames)


def test_a_file_that_is_no_video_has_a_reason_and_harms_no_other(site: Site) -> None:
    problems = dict(rows(site, "SELECT uri, problem FROM footage_problems"))
    assert problems[BROKEN]
    assert not problems.keys() & GOOD.keys()


def test_every_frame_of_every_good_file_has_one_score_for_every_rule_of_its_camera(site: Site) -> None:
    found = rows(
        site,
        """SELECT uri, rule, count(*), count(DISTINCT frame), min(frame), max(frame), count(score),
                  bool_and(score BETWEEN 0 AND 1)
           FROM frame_scores GROUP BY uri, rule""",
    )
    expected = {
        (uri, rule): (frames, frames, 0, frames - 1, frames, True)
        for uri, frames in GOOD.items()
        for rule in RULES
        if rule == "somebody-runs" or uri.startswith("gate-")
    }
    assert {key: value for key, value in _by_key(found) if key[0] in GOOD} == expected


def test_coverage_adds_up_to_the_footage(site: Site) -> None:
    sums = rows(
        site,
        """SELECT uri, rule, max(video_seconds), sum(seconds) FROM coverage
           WHERE video_state = 'ready' GROUP BY uri, rule""",
    )
    assert sums
    for uri, rule, whole, parts in sums:
        assert parts == pytest.approx(whole, abs=0.05), (uri, rule)


def test_parquet_says_the_same_as_sql(site: Site) -> None:
    [(in_sql,)] = rows(site, "SELECT count(*) FROM frame_scores")
    dataset = pyarrow.dataset.dataset(site.installation.parquet / "frame_scores", partitioning="hive")
    assert dataset.count_rows() == in_sql


def test_mapped_tasks_have_names_a_person_can_read(site: Site) -> None:
    names = [i["rendered_map_index"] for i in site.first.scan.instances if i["task_id"] == "scan_unit"]
    assert len(names) == site.first.units
    assert all(name and not name.isdigit() for name in names)
    assert len(set(names)) == len(names)


def test_no_more_units_at_once_than_the_pool_has_slots(site: Site) -> None:
    """The pool of this installation has two slots; overlaps are counted from the tasks' own times."""
    spans = [(i["start_date"], i["end_date"]) for i in site.first.scan.instances if i["task_id"] == "scan_unit"]
    for start, _ in spans:
        assert sum(other <= start < end for other, end in spans) <= 2


def test_the_second_time_nothing_is_scored_again(site: Site) -> None:
    statement = "SELECT *, xmin::text FROM segment_scores ORDER BY video_id, scoring_id, scorer_id, segment_index"
    before = rows(site, statement)
    again = pipeline.ingest_and_scan(site.installation, site.api)
    assert (again.ingest.state, again.scan.state, again.units) == ("success", "success", 0)
    assert rows(site, statement) == before


def test_a_unit_that_fails_fails_alone_and_makes_the_run_red(site: Site) -> None:
    """One of two new files is spoiled after the ingest, so that only the scan can notice."""
    pause(site, "scan_archive", paused=True)
    spoiled = film(site.archive / "spoiled" / DAY / "12-00-00.mp4", 1.6, pattern="smptebars")
    film(site.archive / LONG_NAME / DAY / "12-00-00.mp4", 1.2)  # moves: nothing of it is carried
    ingest = site.api.trigger("ingest_archive", {})
    assert runs.follow(site.api, "ingest_archive", ingest, timeout_s=300).state == "success"
    spoiled.write_bytes(b"\0" * spoiled.stat().st_size)
    pause(site, "scan_archive", paused=False)  # it missed the asset's event meanwhile
    scan = site.api.trigger("scan_archive", {})
    run = runs.follow(site.api, "scan_archive", scan, timeout_s=600)
    assert run.state == "failed"
    states = dict(rows(site, "SELECT camera, state FROM coverage WHERE camera = 'spoiled' OR camera LIKE 'sound%'"))
    assert states == {"spoiled": "failed", LONG_NAME: "scored"}
    names = [i["rendered_map_index"] for i in run.instances if i["task_id"] == "scan_unit"]
    [shortened] = [name for name in names if name.startswith("sound")]
    assert len(shortened) <= 250
    assert shortened.endswith(f"{DAY} 12:00:00, 1 videos, 1 rules")
    [(reason,)] = rows(site, "SELECT reason FROM coverage WHERE camera = 'spoiled'")
    assert reason
    raised = {failure.task: failure for failure in runs.task_failures(site.api, run)}
    assert raised["scan_unit"].error == "FootageError"
    assert reason in raised["scan_unit"].reason
    outcome = outcome_now(site)
    assert (outcome.complete, outcome.videos_waiting) == (False, 0)
    told = {failure.example: failure for failure in outcome.failures}
    assert told[BROKEN].what == "1 file"
    assert told[f"spoiled/{DAY}/12-00-00.mp4"].reason == reason
    assert len({failure.reason for failure in outcome.failures}) == len(outcome.failures)
    in_airflow, _, not_scored = html.unescape(runs_page(site)).partition("Not scored, and why")
    assert reason[:60] in in_airflow, "the run's row has the exception's words"
    assert reason[:60] in not_scored
    shutil.rmtree(site.archive / "spoiled")


def runs_page(site: Site) -> str:
    """The page Runs of the review, as somebody who may look gets it."""
    cookie = {"Cookie": f"_token={token_of(site, 'vera')}"}
    return httpx.get(f"{site.api.address}{PAGES}/runs", headers=cookie, timeout=60).raise_for_status().text


def outcome_now(site: Site) -> ScanOutcome:
    with report.reader(site.installation) as engine, engine.connect() as connection:
        return scan_outcome(connection, settings_of(site), since=datetime.now(UTC))


def test_a_scorer_that_was_never_loaded_has_no_results_of_its_own(site: Site) -> None:
    """What another profile found is not shown as its."""
    settings = settings_of(site).model_copy(update={"profile": "default"})
    with report.reader(site.installation) as engine, engine.connect() as connection:
        outcome = scan_outcome(connection, settings, since=datetime.now(UTC))
    assert outcome.scorer_ids == ()
    assert {(rule.profile, rule.scored, rule.waiting > 0) for rule in outcome.rules} == {("default", 0, True)}


def test_how_far_a_unit_is_stands_in_its_log(site: Site) -> None:
    instance = next(i for i in site.first.scan.instances if i["task_id"] == "scan_unit")
    log = site.api.task_log("scan_archive", site.first.scan.run_id, instance)
    assert re.search(r"\d+ of \d+ segments \(100 %\)", log)


def test_no_secret_is_in_any_log_or_in_airflows_tables(site: Site) -> None:
    """Not as it is, and not as URLs, bytes in a table or headers would hold it; what is no secret is found there."""
    planted = {"connection_id": "planted", "conn_type": "generic", "login": "x", "password": "planted-7c4a8d09ca3762"}
    site.api._send("POST", "/api/v2/connections", planted)
    folder = site.installation.folder
    forms = {form for secret in [*_secrets(site), planted["password"]] for form in _forms(secret)}
    harmless = [*GOOD, BROKEN, "somebody-runs"]
    for place in (folder / "logs", folder / "airflow", folder / "parquet", folder / "state", folder / "run"):
        assert not _files_with(forms, place)
    assert _files_with(harmless, folder / "logs")
    tables = _text_of_all_tables(site)
    for name in ("xcom", "rendered_task_instance_fields", "dag_run", "task_instance", "log", "connection"):
        assert tables[f"airflow.{name}"], f"nothing is in {name}: the search proves nothing"
    everything = "\n".join(tables.values())
    assert [word for word in harmless if word in everything] == harmless
    assert not [form for form in forms if form in everything]


def test_no_secret_is_an_argument_of_a_process(site: Site) -> None:
    """Everybody on the machine can read those."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert any("scheduler" in line for line in lines)
    assert not [line for line in lines for secret in _secrets(site) if secret in line]


def pause(site: Site, dag_id: str, *, paused: bool) -> None:
    site.api._send("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})


def _by_key(found: list[tuple[Any, ...]]) -> list[tuple[tuple[str, str], tuple[Any, ...]]]:
    return [((uri, rule), tuple(rest)) for uri, rule, *rest in found]


def _secrets(site: Site) -> list[str]:
    files = site.installation.folder.glob("*.passwords")
    found = [secret for file in files for secret in json.loads(file.read_text()).values()]
    return [*found, *site.installation.secrets.values(), "planted-secret-5d41402abc4b"]


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]  # its last letter depends on what follows
    return {secret, quote(secret, safe=""), secret.encode().hex(), encoded}


def _files_with(words: Iterable[str], place: Path) -> list[str]:
    patterns = [option for word in words for option in ("-e", word)]
    found = subprocess.run(["grep", "-rlaF", *patterns, place], capture_output=True, text=True, check=False)
    return found.stdout.splitlines()


def _text_of_all_tables(site: Site) -> dict[str, str]:
    """Every row that Airflow and we wrote, as text: arguments, rendered templates, XCom, run conf, serialized DAGs."""
    server = site.installation.postgres
    password = read_passwords(Path(server.password_file))[SUPERUSER]
    found = {}
    for database in ("airflow", "anyanomaly"):
        connection = psycopg2.connect(
            host="127.0.0.1", port=server.port, user=SUPERUSER, password=password, dbname=database
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                rows_as_text = sql.SQL("SELECT coalesce(string_agg(t::text, E'\n'), '') FROM {} t").format(
                    sql.Identifier(table)
                )
                cursor.execute(rows_as_text)
                [(found[f"{database}.{table}"],)] = cursor.fetchall()
        connection.close()
    return found
