"""A video is scored by one worker at a time, on whichever host; one that is late commits nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from sqlalchemy import text

from anyanomaly_core.archive.maintenance import maintain
from anyanomaly_core.config import get_settings
from anyanomaly_core.results.fleet import backlog_hours, current_work
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, film
from tests.integration.archive.test_scan import SCORES, as_xcom, ingest_all, parquet_bytes, rows

ROWS_AND_LEDGER = ("SELECT to_jsonb(s) FROM segment_scores s ORDER BY 1::text", "SELECT to_jsonb(u) FROM units u")
# A worker that stops itself at the beginning of its first commit, as a frozen or cut off host would.
FROZEN = """
import json, os, signal, sys, torch
torch.set_num_threads(1)
from anyanomaly_core.archive import unit
commit = unit.commit_unit
def frozen(*arguments, **options):
    unit.commit_unit = commit
    print("frozen", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    return commit(*arguments, **options)
unit.commit_unit = frozen
from tasks.scan import scan_unit
print(json.dumps(scan_unit(json.loads(sys.argv[1]))))
"""


def test_a_worker_that_wakes_replaces_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It scored everything, froze, and another worker went on from its journal and committed."""
    monkeypatch.setenv("ANYANOMALY_LEASE_S", "3")
    monkeypatch.setenv("ANYANOMALY_JOURNAL", "database")
    get_settings.cache_clear()
    ingest_all(world)
    unit = next(unit for unit in as_xcom(scan.plan_units()) if unit["name"].startswith("gate"))
    late = subprocess.Popen([sys.executable, "-c", FROZEN, json.dumps(unit)], stdout=subprocess.PIPE, text=True)
    try:
        assert late.stdout is not None
        assert late.stdout.readline() == "frozen\n"
        kept = rows(world.engine, "SELECT scores FROM unit_journal ORDER BY batch_id")
        scored = sorted(json.dumps(row["timings_ms"], sort_keys=True) for (line,) in kept for row in json.loads(line))
        assert scored
        [work] = current_work(world.engine, lease_s=3).rows
        assert f"process {late.pid}," in work[0]
        assert work[2].startswith("gate/")
        assert scan.scan_unit(unit)["counts"]["videos"] == 1
        assert timings(world) == scored, "all of it was taken over"
        committed = [rows(world.engine, query) for query in ROWS_AND_LEDGER], parquet_bytes(world.parquet)
        assert current_work(world.engine, lease_s=3).rows == ()
        assert backlog_hours(world.engine) == pytest.approx((4 + 3) * 2 / 3600, abs=0.005)  # hall, two rules
        os.kill(late.pid, signal.SIGCONT)
        said, _ = late.communicate(timeout=60)
    finally:
        late.kill()
        late.wait()
    assert json.loads(said)["counts"] == {"videos_done_before": 1}
    assert ([rows(world.engine, query) for query in ROWS_AND_LEDGER], parquet_bytes(world.parquet)) == committed
    assert rows(world.engine, "SELECT DISTINCT attempts FROM units") == [(1,)]
    assert rows(world.engine, "SELECT count(*) FROM unit_journal UNION ALL SELECT count(*) FROM unit_leases") == [
        (0,),
        (0,),
    ]


def test_another_host_goes_on_where_a_killed_one_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of its disk is there: the journal lies in the database."""
    monkeypatch.setenv("ANYANOMALY_LEASE_S", "2")
    monkeypatch.setenv("ANYANOMALY_JOURNAL", "database")
    get_settings.cache_clear()
    film(world.archive / "hall" / DAY / "09-00-00.mp4", 200, pattern="testsrc")
    ingest_all(world)
    unit: dict[str, Any] = max(as_xcom(scan.plan_units()), key=lambda unit: unit["seconds"])
    code = "import json, sys, torch; torch.set_num_threads(1)\nfrom tasks.scan import scan_unit\n"
    first = subprocess.Popen([sys.executable, "-c", code + "scan_unit(json.loads(sys.argv[1]))", json.dumps(unit)])
    journal = "SELECT count(*), count(DISTINCT video_id) FROM unit_journal"
    deadline = time.monotonic() + 300
    while rows(world.engine, journal) == [(0, 0)]:
        assert time.monotonic() < deadline, "no journal was written"
        time.sleep(0.01)
    first.kill()
    first.wait()
    with world.engine.begin() as connection:  # as if it had run elsewhere: of a process here one sees that it is dead
        connection.execute(text("UPDATE unit_leases SET holder = 'another host, process 1, started 1.0'"))
    kept = [json.loads(line) for (line,) in rows(world.engine, "SELECT scores FROM unit_journal ORDER BY batch_id")]
    scored = [json.dumps(row["timings_ms"], sort_keys=True) for batch in kept for row in batch]
    assert maintain(world.engine, get_settings(), apply=True).journal_batches == 0, "somebody may go on with it"
    monkeypatch.setenv("ANYANOMALY_STATE_DIR", str(world.journal.parent.parent / "another-host"))
    get_settings.cache_clear()
    assert scan.scan_unit(unit)["counts"]["videos"] == len(unit["videos"])
    assert rows(world.engine, "SELECT DISTINCT attempts FROM units") == [(1,)]
    assert rows(world.engine, SCORES)
    with world.engine.begin() as connection:  # of a worker that died right after its commit
        connection.execute(
            text("""INSERT INTO unit_journal (video_id, scorer_id, scores, written_at)
                    SELECT video_id, scorer_id, '[]', now() - interval '1 day' FROM units LIMIT 1""")
        )
    assert maintain(world.engine, get_settings(), apply=True).journal_batches == 1
    assert rows(world.engine, "SELECT count(*) FROM unit_journal") == [(0,)]
    assert set(scored) <= set(timings(world)), "what was finished was not scored again"


def timings(world: World) -> list[str]:
    """Of every row; two runs never take the same milliseconds."""
    return sorted(
        json.dumps(stored, sort_keys=True) for (stored,) in rows(world.engine, "SELECT timings FROM segment_scores")
    )
