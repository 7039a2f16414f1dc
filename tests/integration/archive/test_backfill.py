"""The tasks of the backfill as Airflow calls them, without Airflow: quoted, budgeted, resumable, nothing twice."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.event_store import count_events
from anyanomaly_core.results.rule_store import load_rule
from tasks import backfill, ingest, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import aged, film

FORM = {"rule": "running", "cameras": [], "from": None, "to": None, "newest_first": False}
FORM |= {"gpu_hours": None, "segments": None, "dry_run": False}
ROWS = """
SELECT v.uri, s.segment_index, s.status, s.score, s.frame_scores, s.winning_text, s.key_frame, s.started_at
FROM segment_scores s JOIN videos v USING (video_id) JOIN scorings USING (scoring_id) JOIN rules r USING (rule_id)
WHERE r.name = 'running' ORDER BY v.uri, s.segment_index"""
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


def rows(engine: Engine, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), parameters)]


def ingest_all(_: World) -> dict[str, Any]:
    chunks = ingest.discover_files()
    return ingest.summarize_ingest(chunks, [ingest.register_files(chunk) for chunk in chunks])


def run(form: dict[str, Any], name: str, day: str | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """As the DAG does it, every value on its way through JSON; the planned camera-days and the summary."""
    quoted = json.loads(json.dumps(backfill.quote_backfill(form, day=day)))
    planned = json.loads(json.dumps(backfill.plan_backfill(form, quoted, day=day, external_id=name)))
    results = [json.loads(json.dumps(backfill.score_days(work))) for work in planned]
    return planned, backfill.summarize_backfill(form, quoted, planned, results, day=day)


@pytest.fixture
def archive(world: World) -> World:
    """Two cameras, three days, six files of 5, 4, 3, 4, 5 and 3 segments of 8 frames, and nothing scored."""
    for path in sorted(world.archive.rglob("*.*")):
        path.unlink()
    for number, (camera, day) in enumerate((camera, day) for camera in ("hall", "gate") for day in DAYS):
        film(world.archive / camera / day / "10-00-00.mp4", [40, 30, 24, 32, 40, 17][number], pattern=PATTERNS[number])
    ingest_all(world)
    apply_rule_files(world.engine, world.rules, author="test")
    return world


PATTERNS = ["testsrc2", "smptebars", "rgbtestsrc", "testsrc", "smptehdbars", "yuvtestsrc"]


def test_it_is_quoted_first_and_then_does_what_was_quoted(archive: World) -> None:
    dry = FORM | {"dry_run": True}
    quoted = backfill.quote_backfill(dry)
    assert (quoted["videos"], quoted["segments"], quoted["tasks"]) == (6, 24, 6)
    assert quoted["lvlm_calls"] == 24 * 3  # key frame, position and temporal context; reasons are not known yet
    assert quoted["gpu_hours"] is None
    assert "nothing yet" in quoted["measured"]
    assert backfill.plan_backfill(dry, quoted) == []
    assert rows(archive.engine, "SELECT count(*) FROM scan_runs") == [(0,)], "a dry run leaves nothing behind"

    planned, summary = run(FORM, "first")
    assert [work["name"] for work in planned] == [
        f"{camera} {day}, 1 videos" for day in DAYS for camera in ("gate", "hall")
    ]
    assert (summary["rows_scored"], summary["took"]["segments"]) == (24, 24)
    assert summary["remaining"]["videos"] == 0
    assert summary["took"]["gpu_hours"] > 0
    assert run(FORM, "second")[0] == [], "nothing is done twice"

    again = backfill.quote_backfill(FORM | {"rule": "car"})
    assert (again["segments"], again["measured"]) == (24, "the timings of 24 segments and 6 tasks of this scorer")
    assert again["gpu_hours"] > 0


def test_it_stops_at_a_budget_of_segments_and_another_run_goes_on(archive: World) -> None:
    form = FORM | {"segments": 10, "newest_first": True}
    planned, summary = run(form, "first")
    assert [work["first_day"] for work in planned] == [DAYS[2], DAYS[2], DAYS[1]]
    # Newest first: 3 segments of the hall and 3 of the gate, then 4 of the hall; what comes next is too much.
    assert summary["took"]["segments"] == 10
    assert (summary["remaining"]["videos"], summary["remaining"]["segments"]) == (3, 14)
    assert summary["stopped_at_budget"]
    done = "SELECT DISTINCT uri FROM coverage WHERE rule = 'running' AND state = 'scored' ORDER BY uri"
    assert rows(archive.engine, done) == [
        (f"{camera}/{day}/10-00-00.mp4",) for camera, day in [("gate", DAYS[2]), ("hall", DAYS[1]), ("hall", DAYS[2])]
    ]
    assert run(form, "first")[0] == [], "cleared, it is the same run with the same budget"
    assert run(form, "second")[1]["remaining"]["videos"] == 1
    last = run(FORM, "third")[1]
    assert (last["remaining"]["videos"], last["stopped_at_budget"]) == (0, False)
    assert run(FORM | {"rule": "car", "segments": 1}, "too little")[0] == [], "a video is scored whole or not at all"
    assert rows(archive.engine, "SELECT count(*) FROM scan_runs WHERE finished_at IS NULL") == [(0,)]
    assert rows(archive.engine, "SELECT DISTINCT attempts FROM units") == [(1,)], "no video was scored twice"


def test_a_budget_of_hours_is_looked_at_before_every_video(archive: World) -> None:
    planned, summary = run(FORM | {"gpu_hours": 1e-6}, "first")  # nothing is measured, so that the first one is tried
    assert len(planned) == 6
    assert summary["videos"] == 1
    assert summary["remaining"]["videos"] == 5
    assert summary["videos_left"] == 5
    assert len(run(FORM | {"gpu_hours": 1e-6}, "second")[0]) == 1, "now that it is measured, not everything is planned"
    assert rows(archive.engine, "SELECT count(*) FROM units") == [(1,)]


def test_days_cameras_and_partitions_choose(archive: World) -> None:
    form = FORM | {"cameras": ["ha*"], "from": DAYS[1]}
    assert [work["name"] for work in run(form, "chosen")[0]] == [f"hall {day}, 1 videos" for day in DAYS[1:]]
    assert [work["name"] for work in run(FORM, "of a day", day=DAYS[0])[0]] == [
        f"{camera} {DAYS[0]}, 1 videos" for camera in ("gate", "hall")
    ]
    for wrong, said in [
        ({"rule": ""}, "Say which rule"),
        ({"rule": "nobody"}, "There is no rule 'nobody'"),
        ({"from": DAYS[1], "to": DAYS[0]}, "is after the last"),
        ({"from": "yesterday"}, "yyyy-mm-dd"),
    ]:
        with pytest.raises(RuleError, match=said):
            backfill.quote_backfill(FORM | wrong)
    film(archive.archive / "*" / DAYS[0] / "10-00-00.mp4", 16)
    ingest_all(archive)
    planned, summary = run(FORM | {"cameras": ["*"]}, "a camera with the name of a pattern")
    assert ([work["name"] for work in planned], summary["videos"]) == ([f"* {DAYS[0]}, 1 videos"], 1)


def test_killed_twice_it_equals_an_undisturbed_run(archive: World, owner_engine: Engine) -> None:
    """Killed while a video is being scored, and between two videos; then run again with the same form."""
    long = film(archive.archive / "hall" / DAYS[0] / "09-00-00.mp4", 400, pattern="testsrc")
    ingest_all(archive)
    quoted = backfill.quote_backfill(FORM)
    work = next(w for w in backfill.plan_backfill(FORM, quoted, external_id="first") if w["name"].startswith("hall"))
    journals = archive.journal
    kill_when(work, lambda: any(path.stat().st_size for path in journals.glob("*.jsonl")))
    assert rows(archive.engine, ROWS) == [], "killed in the middle of the first video"
    kill_when(work, lambda: rows(archive.engine, "SELECT count(*) FROM units") == [(1,)])
    run(FORM, "first")
    resumed, files = rows(archive.engine, ROWS), parquet_bytes(archive.parquet)
    assert len(resumed) == 24 + 50
    assert rows(archive.engine, "SELECT DISTINCT attempts FROM units") == [(1,)]

    with owner_engine.begin() as connection:
        for table in ("segment_scores", "events", "units"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  (names of tables)
    for path in archive.parquet.rglob("*.parquet"):
        path.unlink()
    run(FORM, "undisturbed")
    assert rows(archive.engine, ROWS) == resumed
    assert parquet_bytes(archive.parquet) == files
    assert long.exists()


def test_events_can_be_queried_while_the_rest_is_still_being_scored(archive: World) -> None:
    (archive.rules / "running.yaml").write_text("name: running\ntexts: [a person running]\nthreshold: 0\n")
    apply_rule_files(archive.engine, archive.rules, author="test")
    planned = backfill.plan_backfill(FORM, backfill.quote_backfill(FORM), external_id="first")
    backfill.score_days(planned[0])
    with archive.engine.connect() as connection:
        assert count_events(connection, load_rule(connection, "running").rule_version_id) == 1
    [(state,)] = rows(archive.engine, "SELECT outcome FROM scan_runs")
    assert state is None, "the run is still going"


def test_late_footage_a_second_name_and_an_outage_are_caught_up_with_once(archive: World) -> None:
    """Nothing ran for days; then footage of long ago turns up, and a copy of a file that is known."""
    assert scan_night() == 6  # three days at once
    film(archive.archive / "gate" / "2025-12-24" / "18-00-00.mp4", 16, pattern="mandelbrot")
    known = archive.archive / "hall" / DAYS[0] / "10-00-00.mp4"
    copy = archive.archive / "hall" / DAYS[2] / "23-00-00.mp4"
    copy.write_bytes(known.read_bytes())
    aged(copy)
    before = rows(archive.engine, "SELECT count(*) FROM segment_scores")[0][0]
    counts = ingest_all(archive)["counts"]
    assert (counts["new"], counts["duplicate"]) == (1, 1)
    assert scan_night() == 1, "only the late file is scored"
    assert rows(archive.engine, "SELECT count(*) FROM segment_scores") == [(before + 2 * 2,)]
    assert scan_night() == 0
    of_file = (Path(__file__).parents[3] / "sql" / "queries" / "events_of_file.sql").read_text()
    names = [str(path.relative_to(archive.archive)) for path in (known, copy)]
    found = [rows(archive.engine, of_file, uri=name) for name in names]
    assert found[0] == found[1]
    assert found[0], "threshold 0.1 finds something in random models' scores"


def test_a_copy_under_another_camera_is_found_there_and_scored_once(archive: World) -> None:
    assert scan_night() == 6
    known = archive.archive / "hall" / DAYS[0] / "10-00-00.mp4"
    copy = archive.archive / "yard" / DAYS[1] / "23-00-00.mp4"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(known.read_bytes())
    aged(copy)
    assert ingest_all(archive)["counts"]["duplicate"] == 1
    events = """SELECT rule, first_frame, last_frame, peak_score, started_at FROM event_list
                WHERE camera = :camera AND video_id = :id ORDER BY 1, 2"""
    [(video_id,)] = rows(archive.engine, "SELECT video_id FROM videos WHERE uri LIKE 'hall/%01/%'")
    at_hall, at_yard = (rows(archive.engine, events, camera=camera, id=video_id) for camera in ("hall", "yard"))
    assert at_hall
    assert at_yard == at_hall
    assert scan_night() == 0, "there is nothing to score"

    (archive.rules / "yard-only.yaml").write_text("name: yard-only\ntexts: [a dog]\nthreshold: 0\ncameras: [yard]\n")
    apply_rule_files(archive.engine, archive.rules, author="test")
    planned, summary = run(FORM | {"rule": "yard-only", "cameras": ["yard"]}, "yard")
    assert (len(planned), summary["videos"], summary["remaining"]["videos"]) == (1, 1, 0)
    assert {row[0] for row in rows(archive.engine, "SELECT camera FROM event_list WHERE rule = 'yard-only'")} == {
        "yard"
    }


def scan_night() -> int:
    """What ``scan_archive`` does; returns how many videos it scored."""
    units = scan.plan_units()
    return int(scan.summarize_scan(units, [scan.scan_unit(unit) for unit in units]).get("videos", 0))


def parquet_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def kill_when(work: dict[str, Any], reached: Any) -> None:  # noqa: ANN401  (a callable)
    """Start the task in a process of its own and kill it as soon as it has got so far."""
    code = (
        "import json, sys, torch; torch.set_num_threads(1); from tasks.backfill import score_days;"
        "score_days(json.loads(sys.argv[1]))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, json.dumps(work)])
    deadline = time.monotonic() + 90
    while not reached():
        assert time.monotonic() < deadline, "it did not get so far"
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    child.kill()
    child.wait()
