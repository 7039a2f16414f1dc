"""What a nightly ingest costs that finds next to nothing new: ``python -m tests.benchmarks.bench_ingest``.

Makes a tree of a million empty files (``--files``), 144 for a camera and day, and a database that knows them all. Then
the task ``discover_files`` runs as a process of its own: once with nothing new, once with 25 files gone, 25 changed and
25 new. Memory is the highest that the process had, processor time its own and that of PostgreSQL. ``--other FOLDER``
runs another checkout beside this one, over the same database. What each finds is checked.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.embedded.postgres_process import find_server_process
from anyanomaly_core.footage.sources import discover
from anyanomaly_core.results.migrate import upgrade

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = "{camera}/{date}/{time}.{ext}"
CAMERAS, FILES_OF_A_DAY, OF_EACH_KIND = 10, 144, 25
TASK = """
import json, resource
from tasks.ingest import discover_files
chunks = discover_files()
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: that is at least what the parent had when it started this process.
[memory_kb] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
found = sorted(found["uri"] for chunk in chunks for found in chunk["files"])
print(json.dumps({"found": found, "cpu_s": used.ru_utime + used.ru_stime, "memory_mb": int(memory_kb) / 1024}))
"""
ROWS = """
INSERT INTO cameras (camera_id, name, time_zone) SELECT DISTINCT camera, camera, 'UTC' FROM listed;
INSERT INTO videos (content_sha256, camera_id, uri, recorded_at, recorded_at_source, state, frame_count, duration_s)
    SELECT encode(sha256(uri::bytea), 'hex'), camera, uri, recorded_at, 'path', 'ready', 15000, 600 FROM listed;
INSERT INTO video_cameras (video_id, camera_id) SELECT video_id, camera_id FROM videos;
INSERT INTO video_files (uri, video_id, camera_id, recorded_at, size, modified, seen_at)
    SELECT uri, video_id, camera, f.recorded_at, size, modified, now() FROM listed f JOIN videos USING (uri);
"""


def main() -> None:
    """Make, run, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--other", type=Path, help="another checkout, run beside this one")
    arguments = parser.parse_args()
    builds = {"this build": ROOT} | ({"the other": arguments.other.resolve()} if arguments.other else {})
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-bench-ingest-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        upgrade(server.url())
        days = _make_files(folder / "archive", arguments.files)
        _make_rows(server, folder / "archive")
        print(f"{arguments.files:,} known files in {len(days):,} folders")
        print(f"{'':42} {'memory':>9} {'task':>9} {'server':>9} {'wall':>9}")
        for name, build in builds.items():
            _report(f"{name}, nothing new", _run(build, server, folder), [])
            _require_seen(server)
        for name, build in builds.items():
            expected = _change(days)
            _report(f"{name}, {OF_EACH_KIND} each gone, changed, new", _run(build, server, folder), expected)
            _require_gone(server)
            _take_back(days, server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _make_files(archive: Path, many: int) -> list[Path]:
    """Empty files; returns their folders."""
    days = []
    for number, many_here in enumerate(_shares(many)):
        day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number // CAMERAS)
        folder = archive / f"camera-{number % CAMERAS}" / f"{day:%Y-%m-%d}"
        folder.mkdir(parents=True)
        days.append(folder)
        inside = os.open(folder, os.O_RDONLY)
        for minute in range(0, 10 * many_here, 10):
            os.close(os.open(f"{minute // 60:02d}-{minute % 60:02d}-00.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=inside))
        os.close(inside)
    return days


def _shares(many: int) -> Iterator[int]:
    while many > 0:
        yield min(many, FILES_OF_A_DAY)
        many -= FILES_OF_A_DAY


def _make_rows(server: PostgresServer, archive: Path) -> None:
    listed = StringIO()
    for found in discover(str(archive), LAYOUT, "UTC"):
        listed.write(f"{found.uri}\t{found.camera}\t{found.recorded_at}\t{found.size}\t{found.modified!r}\n")
    listed.seek(0)
    with _cursor(server) as cursor:
        cursor.execute(
            "CREATE TEMP TABLE listed (uri text, camera text, recorded_at timestamptz, size bigint, modified float8)"
        )
        cursor.copy_expert("COPY listed FROM STDIN", listed)
        cursor.execute(ROWS)
        cursor.execute("VACUUM ANALYZE")


def _run(build: Path, server: PostgresServer, folder: Path) -> dict[str, Any]:
    """What ``discover_files`` of a checkout finds and takes."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANYANOMALY_")} | {
        "PYTHONPATH": str(build),
        "ANYANOMALY_ARCHIVE_ROOT": str(folder / "archive"),
        "ANYANOMALY_ARCHIVE_LAYOUT": LAYOUT,
        "ANYANOMALY_DATABASE_URL": server.url(user="scanner"),
        "ANYANOMALY_PARQUET_ROOT": str(folder / "parquet"),
        "ANYANOMALY_STATE_DIR": str(folder / "state"),
        "ANYANOMALY_SETTLE_S": "0",
        "ANYANOMALY_TIME_ZONE": "UTC",
    }
    before, began = _server_cpu_s(server), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", TASK], cwd=build, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{build}: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured | {"wall_s": time.perf_counter() - began, "server_s": _server_cpu_s(server) - before}


def _report(name: str, measured: dict[str, Any], expected: list[str]) -> None:
    assert measured["found"] == expected, f"{name} found {len(measured['found'])} files, {measured['found'][:3]}"
    print(
        f"{name:42} {measured['memory_mb']:6.0f} MB {measured['cpu_s']:7.1f} s {measured['server_s']:7.1f} s "
        f"{measured['wall_s']:7.1f} s",
        flush=True,
    )


def _change(days: list[Path]) -> list[str]:
    """Remove, change and add a file in some folders each; returns the names that must be found."""
    archive = days[0].parents[1]
    expected = []
    for day in days[:: len(days) // OF_EACH_KIND or 1][:OF_EACH_KIND]:
        (day / "00-00-00.mp4").rename(day / "_00-00-00.mp4")
        os.utime(day / "00-10-00.mp4", (1, 1))
        (day / "23-59-00.mp4").touch()
        expected += [str((day / name).relative_to(archive)) for name in ("00-10-00.mp4", "23-59-00.mp4")]
    return sorted(expected)


def _take_back(days: list[Path], server: PostgresServer) -> None:
    with _cursor(server) as cursor:
        for day in days[:: len(days) // OF_EACH_KIND or 1][:OF_EACH_KIND]:
            (day / "_00-00-00.mp4").rename(day / "00-00-00.mp4")
            (day / "23-59-00.mp4").unlink()
            changed = day / "00-10-00.mp4"
            os.utime(changed, (2, 2))
            uri = str(changed.relative_to(days[0].parents[1]))
            cursor.execute("UPDATE video_files SET modified = 2 WHERE uri = %s", (uri,))
        cursor.execute("UPDATE video_files SET missing_since = NULL WHERE missing_since IS NOT NULL")
        cursor.execute("UPDATE videos SET state = 'ready' WHERE state = 'missing'")


def _require_seen(server: PostgresServer) -> None:
    """Every file was noted as still there; then yesterday is made of today."""
    with _cursor(server) as cursor:
        cursor.execute(
            "SELECT count(*) FROM video_files WHERE seen_at < now() - interval '6 h' OR missing_since IS NOT NULL"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("UPDATE video_files SET seen_at = now() - interval '1 day'")
        cursor.execute("VACUUM FULL ANALYZE video_files")


def _require_gone(server: PostgresServer) -> None:
    """What is gone is marked as missing, and so are its videos."""
    with _cursor(server) as cursor:
        cursor.execute("SELECT count(*) FROM video_files WHERE missing_since IS NOT NULL")
        assert cursor.fetchone() == (OF_EACH_KIND,)
        cursor.execute("SELECT count(*) FROM videos WHERE state = 'missing'")
        assert cursor.fetchone() == (OF_EACH_KIND,)


@contextmanager
def _cursor(server: PostgresServer) -> Iterator[Any]:
    connection = psycopg2.connect(server.url().replace("+psycopg2", ""))
    connection.autocommit = True
    yield connection.cursor()
    connection.close()


def _server_cpu_s(server: PostgresServer) -> float:
    """Processor time of PostgreSQL so far, that of processes that have ended included."""
    running = find_server_process(server.data_dir)
    assert running is not None
    main = psutil.Process(running.pid)
    used = main.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for child in main.children(recursive=True):
        total += sum(child.cpu_times()[:2])
    return total


if __name__ == "__main__":
    main()
