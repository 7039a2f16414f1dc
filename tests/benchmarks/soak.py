"""Scan for a long time in one process, and see whether anything grows that should not.

    .venv/bin/python -m tests.benchmarks.soak [--minutes 60]

New footage is registered and scanned in every cycle, and one video of an earlier cycle is scored anew, so that rows and
Parquet files are replaced as well. Airflow starts a process for each task; here one process does them all, so that a
leak of a few kilobytes a task shows. Printed every half minute: memory, open files, threads and children of the
process, its log, files that are no results, size and dead rows of the score tables, and what a video costs.
"""

import argparse
import logging
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.results.engine import make_engine
from tasks import ingest, scan
from tests.integration.archive.small_archive import aged, film
from tests.kills.stage import Database, make_material

PATTERNS = ("testsrc2", "smptebars", "rgbtestsrc", "testsrc", "pal75bars")
EVERY_S = 30.0
MOST_GROWTH = 0.10  # of memory between the second and the last quarter
SIZES = """
SELECT sum(pg_total_relation_size(c.oid)) / 1e6, sum(n_live_tup), sum(n_dead_tup)
FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relname LIKE 'segment_scores%' OR c.relname IN ('units', 'events')"""


@dataclass(frozen=True)
class Sample:
    """One moment."""

    seconds: float
    videos: int
    memory_mb: float
    files: int
    threads: int
    children: int
    log_kb: float
    strays: int  # files that are neither results nor the log
    tables_mb: float
    live: int
    dead: int

    def line(self) -> str:
        return (
            f"{self.seconds / 60:6.1f} {self.videos:7d} {self.memory_mb:8.1f} {self.files:6d} {self.threads:8d} "
            f"{self.children:9d} {self.log_kb:8.0f} {self.strays:7d} {self.tables_mb:9.2f} {self.live:8d} "
            f"{self.dead:7d}"
        )


MEASURES: dict[str, Callable[[Sample], float]] = {
    "memory, MB": lambda s: s.memory_mb,
    "open files": lambda s: s.files,
    "threads": lambda s: s.threads,
    "children": lambda s: s.children,
    "stray files": lambda s: s.strays,
    "log, kB per video": lambda s: s.log_kb / max(1, s.videos),
    "tables, kB per row": lambda s: s.tables_mb * 1000 / max(1, s.live),
}
SLACK = {"open files": 1.0, "threads": 1.0, "children": 1.0, "stray files": 1.0}  # beside the tenth


def main() -> None:
    """Soak and judge; the exit status is 1 when something grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="anyanomaly-soak-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")  # nobody else's files are counted
        material = make_material(folder / "material")
        database = Database(folder / "postgres")
        try:
            settings = {
                "ARCHIVE_ROOT": material.archive,
                "DATABASE_URL": database.server.url("anyanomaly", "scanner"),
                "PARQUET_ROOT": folder / "parquet",
                "STATE_DIR": folder / "state",
                "PROFILE": material.profiles["tiny"],
                "DEVICE": "cpu",
            }
            os.environ.update({f"ANYANOMALY_{key}": str(value) for key, value in settings.items()})
            samples = soak(folder, database.server.url("anyanomaly", "anyanomaly"), minutes * 60)
        finally:
            database.server.stop()
    sys.exit(_judge(samples))


def soak(folder: Path, owner_url: str, seconds: float) -> list[Sample]:
    """Cycles until the time is over."""
    logging.basicConfig(filename=folder / "log", level=logging.INFO)
    archive, owner = Path(get_settings().archive_root), make_engine(owner_url)
    apply_rule_files(owner, archive.parent / "rules", author="soak")
    print("minute  videos   memory  files  threads  children  log(kB)  strays  tables(MB)  live    dead")
    began = last = time.monotonic()
    samples: list[Sample] = []
    videos = cycle = 0
    while time.monotonic() - began < seconds:
        name = f"2026-{1 + cycle // 600 % 12:02}-{1 + cycle // 24 % 28:02}/{cycle % 24:02}-00-00.mp4"
        _film(archive / f"cam{cycle % 3}" / name, cycle)
        _score_one_again(owner)
        for chunk in ingest.discover_files():
            ingest.register_files(chunk)
        for unit in scan.plan_units(external_id=f"cycle {cycle}"):
            videos += scan.scan_unit(unit)["counts"].get("videos", 0)
        cycle += 1
        if time.monotonic() - last > EVERY_S:
            last = time.monotonic()
            samples.append(_sample(folder, owner, last - began, videos))
            print(samples[-1].line(), flush=True)
    owner.dispose()
    return samples


def _film(path: Path, cycle: int) -> None:
    """A video whose content there has never been: a box that players skip makes it so."""
    film(path, 30 + cycle % 97, pattern=PATTERNS[cycle % len(PATTERNS)])
    with path.open("ab") as file:
        file.write(struct.pack(">I4sQ", 16, b"free", cycle))
    aged(path)


def _score_one_again(owner: Engine) -> None:
    statement = "UPDATE units SET state = 'partial', attempts = 1 WHERE video_id = (SELECT min(video_id) FROM units)"
    with owner.begin() as connection:
        connection.execute(text(statement))


def _sample(folder: Path, owner: Engine, seconds: float, videos: int) -> Sample:
    process = psutil.Process()
    with owner.connect() as connection:
        size, live, dead = connection.execute(text(SIZES)).one()
    results = {".parquet", ".mp4", ".avi"}
    places = (folder / "parquet", folder / "state")
    strays = [p for place in places for p in place.rglob("*") if p.is_file() and p.suffix not in results]
    strays += list((folder / "tmp").iterdir())
    return Sample(
        seconds=seconds,
        videos=videos,
        memory_mb=process.memory_info().rss / 1e6,
        files=process.num_fds(),
        threads=process.num_threads(),
        children=len(process.children(recursive=True)),
        log_kb=(folder / "log").stat().st_size / 1e3,
        strays=len(strays),
        tables_mb=float(size or 0),
        live=int(live or 0),
        dead=int(dead or 0),
    )


def _judge(samples: list[Sample]) -> bool:
    """Compare the second quarter with the last: in the first one caches fill."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    grew = False
    for name, value in MEASURES.items():
        before, after = (statistics.median(value(s) for s in part) for part in (early, late))
        worse = after > before * (1 + MOST_GROWTH) + SLACK.get(name, 0.0)
        grew |= worse
        print(f"{name:24s} {before:9.2f} -> {after:9.2f}  {'GREW' if worse else 'flat'}")
    return grew


if __name__ == "__main__":
    main()
