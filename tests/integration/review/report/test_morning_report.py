"""The morning report: the night's true figures, nothing hidden, hostile text harmless, readable on a phone."""

import csv
import dataclasses
import email
import io
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine, text

from anyanomaly_core.footage.types import FoundFile
from anyanomaly_core.results import catalog
from anyanomaly_core.results.writer import commit_failure, commit_unit
from anyanomaly_core.review.clips.clip import event_clip
from anyanomaly_core.review.report.files import render_csv, render_report_page, write_report
from anyanomaly_core.review.report.night import (
    MorningReport,
    choose_top_events,
    gaps_between,
    load_report,
    newest_night,
    night_bounds,
    shortest_gap_s,
)
from tests.integration.results.world import (
    add_camera,
    add_rule,
    add_scorer,
    add_video,
    curve_result,
    unit_result,
)
from tests.integration.review.kept_footage import Kept, make_settings
from tests.servers.mailbox import mailbox

DAG_FILE = Path(__file__).parents[4] / "dags" / "morning_report.py"
NIGHT = date(2026, 4, 1)
EVENING = datetime(2026, 3, 31, 20, 0, tzinfo=UTC)  # ten o'clock in Berlin
HOSTILE = "<script>alert(1)</script>{{ 7*7 }}\u202e=cmd()" + "A" * 5000


@pytest.fixture
def night(engine: Engine, tmp_path: Path) -> MorningReport:
    """Two cameras: one with two hits, a failed part and a pause of an hour, one that fell silent."""
    settings = make_settings(tmp_path)
    for camera in ("gate", "yard"):
        add_camera(engine, camera)
    add_video(engine, "yard/before.mp4", "yard", recorded_at=EVENING - timedelta(days=2))
    first = add_video(engine, "gate/1.mp4", frames=240, recorded_at=EVENING)
    second = add_video(engine, "gate/2.mp4", frames=240, recorded_at=EVENING + timedelta(hours=1))
    lost = add_video(engine, "gate/3.mp4", frames=48, recorded_at=EVENING + timedelta(hours=1, seconds=10))
    rule, scorer = add_rule(engine), add_scorer(engine)
    for video, peak in ((first, 0.9), (second, 0.7)):
        curve = np.full(240, 0.1, np.float32)
        curve[48:120] = peak
        if video == second:
            curve[:24] = np.nan
        commit_unit(engine, curve_result(engine, video, rule, scorer, curve), settings.parquet_root)
    result = unit_result(engine, lost, (rule,), scorer)
    gone = "the footage is gone"
    commit_failure(
        engine, result.video, result.segments, [rule], scorer, reason=gone, parquet_root=settings.parquet_root
    )
    with engine.begin() as connection:
        bad = FoundFile("gate/bad<b>.mp4", 10, 1.0, None, EVENING, "path", problem="no video: <i>")
        catalog.store_file(connection, bad, None)
    return load_report(engine, settings, NIGHT, now=EVENING + timedelta(hours=9))


def rows_of(report: MorningReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(report).decode())))


def test_a_report_has_the_hits_gaps_failures_and_cost_of_its_night(night: MorningReport) -> None:
    assert [round(hit["peak_score"], 2) for hit in night.hits] == [0.9, 0.7]
    assert night.headline == "Night to 2026-04-01: 2 hits, 86 % of the footage scored, 3 gaps, 3 failures"
    # Of 528 frames at 25 per second, 24 + 48 have no score.
    assert night.scored_share == pytest.approx(1 - 72 / 528)
    assert {(row["uri"], row["state"]) for row in night.failed} == {("gate/2.mp4", "partial"), ("gate/3.mp4", "failed")}
    [cost] = night.cost
    assert (cost["rule"], cost["segments"]) == ("fall", 22)
    assert cost["scorer_s"] == pytest.approx((10 + 9) * 1.5 / 1000)


def test_gaps_are_between_recordings_and_of_silent_cameras_until_the_newest_footage(night: MorningReport) -> None:
    begin, _ = night_bounds(NIGHT, "Europe/Berlin")
    newest = EVENING + timedelta(hours=1, seconds=11.92)
    assert [(gap.camera, gap.begin, gap.end) for gap in night.gaps] == [
        ("yard", begin, newest),
        ("gate", begin, EVENING),
        ("gate", EVENING + timedelta(seconds=9.6), EVENING + timedelta(hours=1)),
    ]
    assert any("Silent all night" in warning and "yard" in warning for warning in night.warnings)


@pytest.mark.parametrize(
    ("minutes", "expected"), [([60, 60, 3], 300), ([1, 1, 1], 120), ([0.05, 0.05], 10), ([2, 3], 300), ([], 300)]
)
def test_what_counts_as_a_gap_fits_the_length_of_files(minutes: list[float], expected: float) -> None:
    files = [(EVENING, EVENING + timedelta(minutes=length)) for length in minutes]
    assert shortest_gap_s(files) == expected


def test_every_hit_links_to_its_page(night: MorningReport) -> None:
    linked = dataclasses.replace(night, review_url="https://airflow.example/anyanomaly/")
    pictures = {str(hit["event_id"]): "none" for hit in night.hits}
    page, plain = render_report_page(linked, pictures), render_report_page(night, pictures)
    for hit in night.hits:
        address = f"https://airflow.example/anyanomaly/event/{hit['event_id']}?verdict=any"
        assert page.count(address) == 3, "picture, card and list"
        assert [row["link"] for row in rows_of(linked) if row["event_id"] == str(hit["event_id"])] == [address]
    assert "<a " not in plain


def test_the_csv_has_every_fact_with_its_times(night: MorningReport) -> None:
    rows = rows_of(night)
    kinds = [row["kind"] for row in rows]
    assert {kind: kinds.count(kind) for kind in ("hit", "gap", "file", "failure")} == {
        "hit": 2,
        "gap": 3,
        "file": 1,
        "failure": 2,
    }
    hit = rows[0]
    assert (hit["begin_local"], hit["begin_utc"]) == ("2026-03-31T22:00:01+02:00", "2026-03-31T20:00:01+00:00")
    unscored = sum(float(row["seconds"]) for row in rows if row["kind"] == "coverage" and row["state"] == "failed")
    assert unscored == pytest.approx(72 / 25, abs=0.1)


def test_an_empty_night_says_what_to_do(engine: Engine, tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    report = load_report(engine, settings, NIGHT)
    page = render_report_page(report, {})
    assert "Run ingest_archive" in page
    assert "There is no footage of this night" in page
    assert rows_of(report) == []
    assert report.headline == "Night to 2026-04-01: 0 hits, no footage, 0 gaps, 0 failures"


def test_the_night_of_the_newest_footage_is_the_default(engine: Engine, tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    add_camera(engine, "gate")
    add_video(engine, "gate/1.mp4", recorded_at=EVENING)
    assert newest_night(engine, settings) == NIGHT
    add_video(engine, "gate/2.mp4", recorded_at=EVENING + timedelta(hours=15))  # one in the afternoon: the next one
    assert newest_night(engine, settings) == NIGHT + timedelta(days=1)


def test_a_night_has_the_hours_that_its_clock_has() -> None:
    lengths = [night_bounds(day, "Europe/Berlin") for day in (date(2026, 3, 29), NIGHT, date(2026, 10, 25))]
    assert [(end - begin) / timedelta(hours=1) for begin, end in lengths] == [23, 24, 25]


def test_a_branch_in_the_wind_does_not_hide_the_rest() -> None:
    def hit(rule: str, verdict: str | None = None) -> dict[str, Any]:
        return {"rule": rule, "camera": "gate", "verdict": verdict}

    hits = [hit("wind")] * 50 + [hit("fire", "real"), hit("fall")]
    assert [found["rule"] for found in choose_top_events(hits)] == ["wind", "wind", "wind", "fall"]  # type: ignore[arg-type]


moments = st.integers(0, 500).map(lambda second: EVENING + timedelta(seconds=second))


@given(st.lists(st.tuples(moments, st.integers(0, 120))), st.integers(1, 60))
def test_gaps_are_what_no_recording_covers(parts: list[tuple[datetime, int]], shortest: int) -> None:
    """Against counting second by second."""
    stretches = sorted((begin, begin + timedelta(seconds=length)) for begin, length in parts)
    end = EVENING + timedelta(seconds=400)
    seconds = [EVENING + timedelta(seconds=s) for s in range(400)]
    covered = "".join("x" if any(b <= at < e for b, e in stretches) else "." for at in seconds)
    slow = [m.span() for m in re.finditer(r"\.+", covered) if len(m.group()) >= shortest]
    # A recording without length ends one gap and begins another.
    points = {b for b, e in stretches if b == e}
    found = gaps_between(stretches, EVENING, end, shortest)
    if not points:
        assert [tuple((x - EVENING).seconds for x in gap) for gap in found] == slow
    assert all(covered[(b - EVENING).seconds : (e - EVENING).seconds].count("x") == 0 for b, e in found)


@pytest.fixture
def hostile(own: Kept, owner_engine: Engine) -> Kept:
    with owner_engine.begin() as connection:
        connection.execute(text("UPDATE events SET rationale = :said, winning_text = :said"), {"said": HOSTILE})
        connection.execute(text("UPDATE cameras SET name = :said"), {"said": HOSTILE[:60]})
    return own


def test_hostile_text_is_text_and_pictures_are_inside(hostile: Kept) -> None:
    written = write_report(hostile.engine, hostile.settings, date(2026, 3, 2))
    page = written.page.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page  # not computed
    assert "\u202e" not in page
    assert "A" * 1000 not in page
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert "http://" not in page
    assert "https://" not in page
    assert len(page) < 200_000
    rows = list(csv.DictReader(io.StringIO(written.csv.read_text())))
    assert rows[0]["text"].startswith("<script>")  # a cell, exactly as recorded


def test_a_browser_shows_the_report_and_plays_the_clip(hostile: Kept, tmp_path: Path) -> None:
    written = write_report(hostile.engine, hostile.settings, date(2026, 3, 2))
    clip = event_clip(hostile.engine, hostile.settings, hostile.event_id)
    player = tmp_path / "player.html"
    player.write_text(f'<video muted src="{clip.as_uri()}"></video>')
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; Debian's package `chromium` has it")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        ) as browser,
    ):
        page = browser.new_page(viewport={"width": 390, "height": 844})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
        page.goto(written.page.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("document.querySelector('.first img').naturalWidth") == 320
        assert said == []
        page.goto(player.as_uri())
        play = """async () => { const v = document.querySelector('video');
            await v.play(); return [v.duration, v.videoWidth]; }"""
        duration, width = page.evaluate(play)
        assert width == 320
        assert duration == pytest.approx(40 / 15 + 6, abs=0.1)
        seek = """async () => { const v = document.querySelector('video'); v.pause();
            const sought = new Promise(done => v.addEventListener('seeked', () => done(v.currentTime)));
            v.currentTime = 4; return await sought; }"""
        assert page.evaluate(seek) == pytest.approx(4, abs=0.1)


def test_the_mail_goes_out_through_airflows_notifier(hostile: Kept, tmp_path: Path) -> None:
    """The DAG's own task, called as Airflow calls it, with a connection from the environment."""
    written = write_report(hostile.engine, hostile.settings, date(2026, 3, 2))
    mail = {
        "to": "night@example.org",
        "from_email": "cams@example.org",
        "smtp_conn_id": "post",
        "subject": written.headline,
    }
    mail["html_content"] = "<p>{{ 7*7 }}</p>"
    code = f"""
from airflow.dag_processing.dagbag import DagBag
dag = DagBag({str(DAG_FILE)!r}).dags["morning_report"]
send = dag.get_task("send").python_callable
print(send({{"mail": {mail!r}, "files": {[str(written.page), str(written.csv)]!r}}}))
"""
    with mailbox() as box:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW_")}
        environment |= {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        environment["AIRFLOW_CONN_POST"] = (
            f'{{"conn_type": "smtp", "host": "127.0.0.1", "port": {box.port}, '
            '"extra": {"disable_ssl": true, "disable_tls": true}}'
        )
        done = subprocess.run(
            [sys.executable, "-c", "import airflow.sdk as s; s.get_current_context = dict\n" + code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    [raw] = box.messages
    message = email.message_from_string(raw)
    assert message["To"] == "night@example.org"
    parts = {part.get_filename() or part.get_content_type(): part.get_payload(decode=True) for part in message.walk()}
    assert b"{{ 7*7 }}" in parts["text/html"]  # type: ignore[operator]  # not computed
    assert parts["2026-03-02.html"] == written.page.read_bytes()
    assert parts["2026-03-02.csv"] == written.csv.read_bytes()
