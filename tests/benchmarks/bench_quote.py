"""A backfill's quote against what it then takes.

    python -m tests.benchmarks.bench_quote [--days 4] [--seconds 40] [--processor]

One camera films ``--days`` days of ``--seconds`` s. A first rule is scored over half of them, so that something is
measured. Then a second rule is quoted and scored over all days: half of them find their embeddings kept, half do not.
Each camera-day is a process of its own, started as Airflow does it. The bar is 20 %. With ``--processor`` all clocks of
the tasks count processor time (without that of ffmpeg): what others do on the machine then changes nothing, and what is
compared is the model of the cost alone.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.footage.command import executable
from anyanomaly_core.results.migrate import upgrade
from tasks.backfill import plan_backfill, quote_backfill, summarize_backfill
from tasks.context import database
from tasks.ingest import discover_files, register_files
from tests.benchmarks.figures import Figures, add_save_option

ROOT = Path(__file__).resolve().parents[2]
BAR = 0.2
ABOUT = """\
One rule is scored over half of the days; a second one with two texts is quoted over all of them and scored, each
camera-day in a process of its own. The bar is 20 %."""
FORM = {"cameras": [], "from": None, "to": None, "newest_first": False, "gpu_hours": None, "segments": None}
RULES = {"first": "texts: [a person running]\n", "second": "texts: [a car, a bicycle]\n"}
PROCESSOR = """
import time
from datetime import UTC, datetime
time.monotonic = time.perf_counter = time.process_time
import anyanomaly_core.results.spending as spending
class Clock(datetime):
    now = classmethod(lambda cls, zone: datetime.fromtimestamp(time.process_time(), UTC))
spending.datetime = Clock
"""
TASK = """
import json, sys
from datetime import datetime
from tasks.backfill import score_days
score_days(json.loads(sys.argv[1]), started_at=datetime.fromisoformat(sys.argv[2]))
"""


def render(path: Path, seconds: int, number: int) -> None:
    """A moving picture with noise, another one each day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"testsrc2=size=640x360:rate=25:duration={seconds},noise=alls=8:allf=t:all_seed={number}"
    command = [executable(), "-y", "-loglevel", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", str(path)], check=True)
    os.utime(path, (time.time() - 300,) * 2)


def backfill(rule: str, last_day: str | None, *, processor: bool) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Quote, summary and wall seconds of scoring the camera-days one after the other."""
    form = {**FORM, "rule": rule, "to": last_day, "dry_run": False}
    quoted = quote_backfill(form)
    work = plan_backfill(form, quoted, external_id=rule)
    started, results = time.monotonic(), []
    for unit in work:
        begin = datetime.fromtimestamp(0, UTC) if processor else datetime.now(UTC)
        code = PROCESSOR + TASK if processor else TASK
        subprocess.run([sys.executable, "-c", code, json.dumps(unit), begin.isoformat()], check=True, cwd=ROOT)
        results.append({"name": unit["name"], "counts": {}})
    wall = time.monotonic() - started
    return quoted, summarize_backfill(form, quoted, work, results), wall


def prepare(folder: Path, server: PostgresServer, days: int, seconds: int) -> None:
    """Archive, rules, settings; everything registered, nothing scored."""
    settings = {"ARCHIVE_ROOT": folder / "archive", "DATABASE_URL": server.url("anyanomaly", "scanner")}
    settings |= {"PARQUET_ROOT": folder / "parquet", "STATE_DIR": folder / "state", "DEVICE": "cpu"}
    os.environ.update({f"ANYANOMALY_{name}": str(value) for name, value in settings.items()})
    os.environ["TQDM_DISABLE"] = "1"
    for day in range(days):
        render(folder / "archive" / "gate" / f"2026-03-{day + 1:02}" / "10-00-00.mp4", seconds, day)
    (folder / "rules").mkdir()
    for name, content in RULES.items():
        (folder / "rules" / f"{name}.yaml").write_text(content, encoding="utf-8")
    apply_rule_files(database(get_settings()), folder / "rules", author="benchmark")
    for chunk in discover_files():
        register_files(chunk)


def main() -> int:
    """Print the table; 1 when the quote is more than the bar off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--processor", action="store_true", help="processor time in place of wall time")
    add_save_option(parser, "quote")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit must not leave the server running
    # Not in a folder of root's own: root's PostgreSQL runs as nobody.
    with tempfile.TemporaryDirectory(prefix="anyanomaly-bench-quote-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PostgresServer(folder / "pg")
        server.start()
        try:
            upgrade(server.url())
            prepare(folder, server, arguments.days, arguments.seconds)
            backfill("first", f"2026-03-{arguments.days // 2:02}", processor=arguments.processor)
            quoted, summary, wall = backfill("second", None, processor=arguments.processor)
        finally:
            server.stop()
    expected, took = (part["gpu_hours"] * 3600 for part in (quoted, summary["took"]))
    figures = Figures("A quote against what the backfill then takes", ABOUT)
    figures.table("", "segments", "seconds")
    figures.row("quoted", quoted["segments"], f"{expected:.0f}")
    figures.row("taken, in slots", summary["took"]["segments"], f"{took:.0f}")
    figures.row("taken, by the clock", summary["took"]["segments"], f"{wall:.0f}")
    off = expected / took - 1
    figures.result(
        f"Quoted on {quoted['measured']}; off by {off:+.0%} of the slots, {expected / wall - 1:+.0%} of the clock."
    )
    figures.save(arguments.save)
    return 0 if abs(off) <= BAR and quoted["segments"] == summary["took"]["segments"] else 1


if __name__ == "__main__":
    sys.exit(main())
