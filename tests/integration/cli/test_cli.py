"""The commands as a person types them, on a local installation of their own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from PIL import Image

from anyanomaly_core.embedded.postgres import PostgresServer
from tests.integration.archive.small_archive import DAY, aged, film, make_models

ONE_RULE = "name: running\ntexts: [a person running]\nthreshold: 0.1\n"


@dataclass(frozen=True)
class Site:
    """Folders and the environment of the commands."""

    folder: Path
    profile: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "anyanomaly_core.cli", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401  (any JSON)
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def scan(self, *options: str) -> "subprocess.CompletedProcess[str]":
        archive, rules = str(self.folder / "archive"), str(self.folder / "rules")
        return self.run("scan", archive, "--rules", rules, "--profile", str(self.profile), *options)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    # Not under pytest's own temporary folder: that one is closed to the user as whom root's PostgreSQL runs.
    with tempfile.TemporaryDirectory(prefix="anyanomaly-test-cli-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        film(folder / "archive" / "hall" / DAY / "10-00-00.mp4", 40)
        (folder / "rules").mkdir()
        (folder / "rules" / "running.yaml").write_text(ONE_RULE)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANYANOMALY_")}
        environment |= {"ANYANOMALY_LOCAL_DIR": str(folder / "local"), "ANYANOMALY_DEVICE": "cpu"}
        environment |= {"OMP_NUM_THREADS": "1", "HOME": name}
        made = Site(folder, make_models(folder / "models", scorer="clip"), environment)
        try:
            scanned = made.scan("--json")
            assert scanned.returncode == 0, scanned.stderr
            done = json.loads(scanned.stdout)
            assert (done["complete"], done["videos_now"], done["failures"]) == (True, 1, [])
            # Nobody said how to read the folder: what it seems to be is shown before anything is ingested.
            assert "1 of 1 files that were looked at state camera and time; 1 cameras: hall" in scanned.stderr
            # Kept running for the tests below; the commands leave a server alone that ran before them.
            for data in (folder / "local").glob("*/postgres"):
                PostgresServer(data).start()
            yield made
        finally:
            for data in (folder / "local").glob("*/postgres"):
                PostgresServer(data).stop()


def test_a_second_scan_scores_nothing(site: Site) -> None:
    again = site.scan()
    assert again.returncode == 0, again.stderr
    assert "no videos of it now" in again.stdout


def test_query_and_coverage_answer_as_json(site: Site) -> None:
    [answer] = site.json("query", "SELECT count(*) AS frames, current_user AS who FROM frame_scores")
    assert answer == {"frames": 40, "who": "reader"}
    [covered] = site.json("coverage")
    assert (covered["rule"], covered["state"], covered["videos"]) == ("running", "scored", 1)
    assert covered["seconds_of_footage"] == 4  # a number, not a text


def test_events_are_listed_judged_and_asked_for_by_name(site: Site) -> None:
    [event] = site.json("events", "--rule", "running", "--to-review")
    assert (event["camera"], event["verdict"], event["dated_by_change"]) == ("hall", None, False)
    [hit] = site.json("query", "hits_last_night")
    assert hit["event_id"] == event["event_id"]
    assert site.json("query", "hits_last_night", "--set", "hours=0") == []
    judged = site.run("verdict", event["event_id"][:8], "false_alarm", "--note", "a broom", "--person", "anna")
    assert judged.returncode == 0, judged.stderr
    assert site.json("events", "--to-review") == []
    [event] = site.json("events", "--verdict", "false_alarm")
    assert event["verdict"] == "false_alarm"
    refused(site.run("events", "--rule", "runing"), "did you mean 'running'?")
    refused(site.run("query", "hits_last_nigth"), "did you mean 'hits_last_night'?")
    refused(site.run("verdict", "ffffffff", "real"), "no event whose id begins with 'ffffffff'")


def test_a_pipe_that_is_closed_early_is_no_error(site: Site) -> None:
    command = f"'{sys.executable}' -m anyanomaly_core.cli query 'SELECT generate_series(1, 300000)' | head -1"
    done = subprocess.run(
        ["bash", "-c", command], env=site.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.stderr) == ("generate_series\n", "")


def test_the_address_of_the_database_is_printed_for_other_programs(site: Site) -> None:
    [address] = site.run("db", "url").stdout.splitlines()
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM event_list")
        assert cursor.fetchone() == ("reader", 1)


@pytest.mark.parametrize("statement", ["DELETE FROM rules", "COMMIT; DELETE FROM rules", "SELEC 1", "SELECT * FROM no"])
def test_a_statement_that_is_no_query_is_refused_in_words(site: Site, statement: str) -> None:
    refused(site.run("query", statement), "refused")
    assert len(site.json("rules", "list")) == 1


def test_rules_are_listed_paused_and_resumed(site: Site) -> None:
    for state in ("paused", "active"):
        assert site.run("rules", "state", "running", state).returncode == 0
        [rule] = site.json("rules", "list")
        assert (rule["rule"], rule["version"], rule["state"], rule["threshold"]) == ("running", 1, state, 0.1)
    refused(site.run("rules", "state", "nobody", "paused"), "nobody")


def test_quarantine_names_what_was_set_aside_and_retry_takes_it_back(site: Site) -> None:
    broken = site.folder / "archive" / "hall" / DAY / "11-00-00.mp4"
    broken.write_text("this is no video\n" * 100)
    aged(broken)
    scanned = site.scan()
    assert scanned.returncode == 3, "done, but not everything could be scored"
    assert f"1 file, such as hall/{DAY}/11-00-00.mp4" in scanned.stdout
    [row] = site.json("quarantine")
    assert (row["what"], row["uri"], row["state"]) == ("file", f"hall/{DAY}/11-00-00.mp4", "unreadable")
    assert row["reason"]
    assert "retry" in row["tried_again"]
    refused(site.run("retry", "--camera", "hell"), "did you mean 'hall'?")
    assert "1 unreadable files" in site.run("retry").stderr


def test_show_writes_the_four_pictures_of_a_segment(site: Site) -> None:
    video, out = site.folder / "archive" / "hall" / DAY / "10-00-00.mp4", site.folder / "show"
    options = ["--text", "a person running", "--at", "1.0", "--profile", str(site.profile), "--out", str(out)]
    pictures = [Path(name) for name in site.json("show", str(video), *options)["pictures"]]
    assert [path.stem.split("-")[-1] for path in pictures] == ["key", "attention", "position", "grid"]
    assert all(path.stem.startswith("10-00-00-segment") for path in pictures)
    sizes = {path.stem.split("-")[-1]: Image.open(path).size for path in pictures}
    assert sizes["key"] == (64, 48)
    assert sizes["attention"] == sizes["position"] == sizes["grid"] == (224, 224)  # the side of a context image
    refused(site.run("show", str(video), *options, "--at", "60"), "has no second 60")


def test_errors_are_sentences(site: Site) -> None:
    for command in ("rules list", "down", "up", "coverage", "events"):
        refused(site.run(*command.split(), "--stack", "nowhere"), "There is no installation 'nowhere'")
    bad = site.folder / "bad-rules"
    bad.mkdir()
    (bad / "a.yaml").write_text("name: a\ntext: [a car]\n")
    refused(site.run("rules", "apply", str(bad)), "a.yaml")


def refused(done: "subprocess.CompletedProcess[str]", words: str) -> None:
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
