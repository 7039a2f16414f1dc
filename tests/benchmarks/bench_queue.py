"""How long the review queue takes: ``python -m tests.benchmarks.bench_queue [EVENTS]`` (10,000 events by default).

Each page is asked for as a browser does, rendered HTML included, over an embedded PostgreSQL. Beside it stands what
paging by number (``OFFSET``) would take in SQL alone; both must show the same events.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from anyanomaly_core.review.queries.filters import Filters
from anyanomaly_core.review.queries.queue import PAGE_SIZE, cursor_of, find_incidents
from tests.integration.results import world
from tests.integration.review.pages.pages_site import client_of

TIMES = 7
COPIES = text("""
    INSERT INTO events
    SELECT gen_random_uuid(), e.rule_version_id, e.video_id, e.scorer_id, e.camera_id, e.first_frame, e.last_frame,
           e.started_at + later, e.ended_at + later, (0.5 + 0.5 * random())::real, e.peak_frame, e.peak_at + later,
           e.mean_score, e.segment_index, e.winning_text, 'A person lies on the ground beside the bench.'
    FROM (SELECT * FROM events LIMIT 1) AS e, generate_series(1, :many) AS n,
         LATERAL (SELECT n / 3 * interval '7 minutes' + n % 3 * interval '20 s' AS later) AS moved""")
JUDGED = text("""
    INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer)
    SELECT event_id, rule_version_id, 'real', 'anna' FROM events ORDER BY event_id LIMIT :many""")
BY_NUMBER = text("""
    SELECT event_id FROM event_list WHERE is_current_version AND verdict IS NULL
    ORDER BY peak_score DESC, event_id DESC OFFSET :skip LIMIT 48""")


def main() -> None:
    """Fill, ask, print."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-bench-queue-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        upgrade(server.url())
        _fill(server, folder, many)
        _measure(make_engine(server.url(user="reviewer"), pool_size=5), folder, many)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(server: PostgresServer, folder: Path, many: int) -> None:
    scanner, owner = make_engine(server.url(user="scanner")), make_engine(server.url())
    world.small_archive(scanner, folder / "parquet")
    with owner.begin() as connection:
        connection.execute(COPIES, {"many": many})
        connection.execute(JUDGED, {"many": many // 2})
        connection.execute(text("ANALYZE"))
    scanner.dispose()
    owner.dispose()


def _measure(engine: Engine, folder: Path, many: int) -> None:
    browser = client_of(engine, folder)
    deep = many // 2 - 2 * PAGE_SIZE
    with engine.connect() as connection:
        skipped = connection.execute(BY_NUMBER, {"skip": deep - 1}).scalars().first()
        row = find_incidents(connection, Filters(verdict="any", least=0.0), limit=1).incidents[0]
        peak = text("SELECT peak_score FROM event_list WHERE event_id = :event")
        place = f"{connection.execute(peak, {'event': skipped}).scalar()}|{skipped}"
        expected = [str(event) for event in connection.execute(BY_NUMBER, {"skip": deep}).scalars()]
    shown = re.findall(r'data-event="([0-9a-f-]{36})"', browser.get(f"/queue?repeats=single&after={place}").text)
    assert shown == expected, "paging by place shows what paging by number shows"
    print(f"{many:,} events, half of them judged; median and highest of {TIMES}, ms")
    for name, path in {
        "queue, first page": "/queue",
        f"one by one, from event {deep:,}": f"/queue?repeats=single&after={place}",
        "queue, all, newest first": "/queue?verdict=any&order=time",
        "queue, one camera and rule": "/queue?camera=gate&rule=fall",
        "event": f"/event/{row['event_id']}",
        "rules": "/rules",
        "rule": "/rules/fall",
        "timeline": "/timeline",
        "runs": "/runs",
    }.items():
        _print(name, lambda path=path: browser.get(path).raise_for_status())  # type: ignore[misc]
    with engine.connect() as connection:
        by_number = {"skip": deep}
        _print(f"SQL alone, OFFSET {deep:,}", lambda: connection.execute(BY_NUMBER, by_number).all())
        place_there = Filters(after=place, repeats="single")
        _print("SQL alone, by place", lambda: find_incidents(connection, place_there, limit=PAGE_SIZE))
    assert cursor_of(row, "score")


def _print(name: str, ask: Callable[[], Any]) -> None:
    ask()
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - started))
    print(f"  {name:34} {sorted(took)[TIMES // 2]:8.0f} {max(took):8.0f}")


if __name__ == "__main__":
    main()
