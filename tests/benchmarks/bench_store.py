"""How fast and how large the store is: ``python -m tests.benchmarks.bench_store [--hours 20] [--turns 8]``.

On a PostgreSQL of its own, on rows as ten rules over ``--hours`` camera-hours give them (``store_rows.py``): units
committed in turns with a bare COPY of the same bytes into a table with the same columns, checks and indexes, and with
that COPY while the ready bytes of the same Parquet files are written and flushed; the size of both storage shapes; and
every ready query. Processor time is this process's and the server's together: on a busy machine it says more than wall
time. The bars: half the speed of the bare COPY, and 100 ms at the 95th percentile for queries of one night, camera or
rule.
"""

import argparse
import io
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.engine.progress import iterate
from anyanomaly_core.results import parquet, writer
from anyanomaly_core.results.binary_copy import COLUMNS, copy_stream
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from anyanomaly_core.results.queries import ready_queries, run_ready
from anyanomaly_core.results.rows import RuleRows, UnitResult, check_unit, make_rows
from anyanomaly_core.results.writer import commit_unit
from tests.benchmarks import store_rows
from tests.benchmarks.figures import Figures, add_save_option
from tests.benchmarks.store_rows import FRAMES, RULES, SEGMENTS, Store

BARE, ROWS, LEDGER = "bare COPY", "rows made and copied", "  and ledger and events"
BARE_FILES, WHOLE = "bare COPY, bare files", "  and Parquet: a commit"
NIGHT = {"from": store_rows.FIRST_NIGHT, "until": store_rows.FIRST_NIGHT + timedelta(hours=10)}
MINUTE = {"from": store_rows.FIRST_NIGHT + timedelta(minutes=25)}
# What a query of one night, camera, rule, file or event asks for; the others look at the whole archive.
OPERATIONAL = {
    "hits_by_camera": NIGHT,
    "events_of_rule": {"rule": "car", **NIGHT},
    "frame_curve": {"rule": "car", "camera": "dock", **MINUTE, "until": MINUTE["from"] + timedelta(minutes=1)},
    "highest_segments": {"rule": "car"},
    "events_of_file": {"uri": "dock/2026-01-20/20-10-00.mp4"},
    "provenance": {},
    "cooccurrence": {"first": "car", "second": "fall"},
    "to_review": {},
    "events_per_day": {"from": NIGHT["from"]},
    "rule_history": {"rule": "car"},
}
ROW_SHAPE = """CREATE TABLE frame_rows (video_id bigint, scoring_id integer, frame integer, frame_at timestamptz,
               score real, PRIMARY KEY (video_id, scoring_id, frame));
               CREATE INDEX ON frame_rows USING brin (frame_at)"""
CURVE_OF_ROWS = """SELECT frame_at, score FROM frame_rows WHERE scoring_id = 3 AND video_id IN (
                       SELECT video_id FROM videos WHERE camera_id = 'dock' AND recorded_at < :until
                       AND recorded_at + make_interval(secs => duration_s) > :from)
                   AND frame_at >= :from AND frame_at < :until ORDER BY frame_at"""


ABOUT = """\
Four cameras that record every night in files of ten minutes, segments of 72 source frames, ten rules. *Loading*: a
unit of ten minutes and ten rules in turns with a bare COPY of the very same bytes into a table with the same columns,
checks and indexes; a whole commit is compared with a bare COPY during which the finished bytes of the same Parquet
files are written and flushed; in brackets the fraction of the bare speed, by wall and by processor (this process and
the server). The bar is half. *Queries*: warm, as `reader`; the bar is 100 ms at the 95th percentile for a question
about one night, camera or rule."""


class Bench:
    """A server, an engine for each role, and the rows."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        upgrade(server.url())
        self.writer, self.owner = make_engine(server.url(user="scanner")), make_engine(server.url())
        self.reader = make_engine(server.url(user="reader"))
        self.parquet = folder / "parquet"
        self._server = psutil.Process(int((server.data_dir / "postmaster.pid").read_text().split()[0]))
        self.store: Store = store_rows.prepare(self.writer)

    def unit(self, video_id: int) -> UnitResult:
        """What scoring a video gives."""
        return store_rows.unit_result(self.writer, self.store, video_id)

    def execute(self, *statements: str) -> None:
        """As the owner, each in its own transaction."""
        with self.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))

    def timed(self, into: list[tuple[float, float]], way: Callable[[], object]) -> None:
        """Note (wall, processor) seconds."""
        began, used = time.perf_counter(), self._processor_s()
        way()
        into.append((time.perf_counter() - began, self._processor_s() - used))

    def _processor_s(self) -> float:
        served = [child.cpu_times() for child in self._server.children()]
        return time.process_time() + sum(times.user + times.system for times in served)

    def value(self, query: str) -> float:
        """The one value of a query."""
        with self.owner.connect() as connection:
            return float(connection.execute(text(query)).scalar_one())


def register(bench: Bench, hours: float) -> list[int]:
    """All videos."""
    ids = []
    for camera, at in iterate(list(store_rows.recordings(hours)), "registering", "files"):
        with bench.writer.begin() as connection:
            ids.append(store_rows.add_video(connection, camera, at))
    return ids


def copy(engine: Engine, table: str, columns: str, stream: bytes) -> None:
    """A bare COPY in a transaction of its own."""
    raw = engine.raw_connection()
    try:
        raw.cursor().copy_expert(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)", io.BytesIO(stream))
        raw.commit()
    finally:
        raw.close()


def rows_only(bench: Bench, unit: UnitResult) -> None:
    """What a commit does for ``segment_scores`` alone, from the scorer's outcome on."""
    checked = check_unit(unit)
    with (
        without_parquet(),
        parquet.Staging(bench.parquet, unit.video, unit.scorer) as staging,
        bench.writer.begin() as connection,
    ):
        writer._replace_scores(connection, checked, checked.rules, staging)


def without_parquet() -> "mock._patch[Callable[..., None]]":
    """Rows, ledger and events only."""

    def nothing(*_: object) -> None:
        """A mock would keep the rows of all units."""

    return mock.patch.object(parquet.Staging, "add", nothing)


def made(unit: UnitResult) -> Iterator[RuleRows]:
    """The rows of all rules."""
    checked = check_unit(unit)
    return (make_rows(checked, of_rule) for of_rule in checked.rules)


def bare_files(bench: Bench, unit: UnitResult, stream: bytes) -> Callable[[], None]:
    """COPY while the bytes of the unit's Parquet files are written and flushed, as many at once as a commit does."""
    staged = [file for of_rule in made(unit) for file in parquet.stage(bench.parquet, unit.video, unit.scorer, of_rule)]
    contents = [file.temporary.read_bytes() for file in staged]
    parquet.discard(staged)
    folder = Path(tempfile.mkdtemp(dir=bench.parquet))

    def write(number: int) -> None:
        path = folder / f"{number}.parquet"
        path.write_bytes(contents[number])
        parquet._flush(path)

    def both() -> None:
        with ThreadPoolExecutor(8) as pool:
            written = pool.map(write, range(len(contents)))
            copy(bench.owner, "bare", ", ".join(COLUMNS), stream)
            list(written)

    return both


def loading(bench: Bench, ids: list[int], figures: Figures) -> None:
    """Commits, and the making and copying of their rows alone, in turns with the bare COPY of the same bytes."""
    bench.execute("CREATE TABLE bare (LIKE segment_scores INCLUDING ALL)")
    ways: dict[str, list[tuple[float, float]]] = {name: [] for name in (BARE, ROWS, LEDGER, WHOLE, BARE_FILES)}
    size = 0
    for number, video_id in enumerate(ids):
        unit = bench.unit(video_id)
        stream = copy_stream(video_id, 1, 1, made(unit)).read()
        size = len(stream)
        way = (ROWS, LEDGER, WHOLE, BARE_FILES)[number % 4]
        if way == BARE_FILES:
            bench.timed(ways[way], bare_files(bench, unit, stream))
        else:
            bench.timed(ways[BARE], lambda s=stream: copy(bench.owner, "bare", ", ".join(COLUMNS), s))
        if way == ROWS:
            bench.timed(ways[way], lambda u=unit: rows_only(bench, u))
        with nullcontext() if way == WHOLE else without_parquet():
            took = ways[way] if way in {LEDGER, WHOLE} else []
            bench.timed(took, lambda u=unit: commit_unit(bench.writer, u, bench.parquet))
    same = "SELECT count(*) FROM (SELECT * FROM bare EXCEPT SELECT * FROM segment_scores) AS other"
    assert bench.value(same) == 0, "the bare COPY wrote other rows"
    caption = f"**Loading**: {len(ids)} units of {SEGMENTS * len(RULES)} rows and {size / 1e6:.1f} MB"
    figures.table("", "median wall", "mean processor", "M frame scores/s", caption=caption)
    wall = {name: statistics.median(wall for wall, _ in times) for name, times in ways.items()}
    used = {name: statistics.mean(used for _, used in times) for name, times in ways.items()}
    for name in ways:
        rate = FRAMES * len(RULES) / wall[name] / 1e6
        bare = BARE_FILES if name == WHOLE else BARE
        of_wall, of_used = f" ({wall[bare] / wall[name]:.2f})", f" ({used[bare] / used[name]:.2f})"
        figures.row(
            name,
            f"{wall[name] * 1e3:.0f} ms{of_wall if name != bare else ''}",
            f"{used[name] * 1e3:.0f} ms{of_used if name != bare else ''}",
            f"{rate:.1f}",
        )
    bench.execute("DROP TABLE bare")


def _timed(into: list[float], way: Callable[[], object]) -> None:
    began = time.perf_counter()
    way()
    into.append(time.perf_counter() - began)


def fill(bench: Bench, ids: list[int]) -> None:
    """Everything else, without files."""
    with without_parquet():
        for video_id in iterate(ids, "filling", "files"):
            commit_unit(bench.writer, bench.unit(video_id), bench.parquet)
    bench.execute("VACUUM ANALYZE")


def shapes(bench: Bench, ids: list[int], hours: float, figures: Figures) -> None:
    """Size and loading of both shapes, the row per frame on a sample."""
    bench.execute(ROW_SHAPE)
    took: list[float] = []
    for video_id in ids:
        for stream in _frame_rows(bench.unit(video_id)):
            _timed(
                took,
                lambda s=stream: copy(bench.owner, "frame_rows", "video_id, scoring_id, frame, frame_at, score", s),
            )
    bench.execute("VACUUM ANALYZE frame_rows")
    frames = FRAMES * len(RULES)
    sums = [
        f"SELECT sum(score::float8) FROM frame_rows WHERE video_id IN ({', '.join(map(str, ids))})",  # noqa: S608
        f"""SELECT sum(f::float8) FROM segment_scores, unnest(frame_scores) AS f
            WHERE video_id IN ({", ".join(map(str, ids))})""",  # noqa: S608
    ]
    assert abs(bench.value(sums[0]) - bench.value(sums[1])) < 1e-3, "the two shapes hold other scores"
    array = bench.value("""SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
                           WHERE inhparent = 'segment_scores'::regclass""")
    row = bench.value("SELECT pg_total_relation_size('frame_rows')")
    per_array, per_row = array / (hours * 6 * frames), row / (len(ids) * frames)
    figures.table("", "array per segment", "row per frame", caption="**Shape**")
    figures.row("bytes per frame score, indexes and all", f"{per_array:.1f}", f"{per_row:.1f}")
    figures.row("900 M frame scores, computed from that", *(f"{per * 0.9:.1f} GB" for per in (per_array, per_row)))
    figures.row("bare COPY, M frame scores/s", "see Loading", f"{frames * len(ids) / sum(took) / 1e6:.1f}")
    curve = {"from": NIGHT["from"] + timedelta(minutes=3), "until": NIGHT["from"] + timedelta(minutes=4)}
    by_array = {"rule": RULES[2], "camera": "dock", **curve}
    rows = _latency(lambda: _fetch(bench.owner, curve))
    arrays = _latency(lambda: run_ready(bench.reader, "frame_curve", by_array))
    figures.row("one minute of one rule's curve", arrays, rows)


def _fetch(engine: Engine, parameters: dict[str, object]) -> None:
    with engine.connect() as connection:
        assert len(connection.execute(text(CURVE_OF_ROWS), parameters).all()) == 60 * store_rows.FPS


def _frame_rows(unit: UnitResult) -> list[bytes]:
    """Binary COPY of one row per frame, rule by rule."""
    kind = np.dtype(
        [("n", ">i2"), ("a", ">i4"), ("video", ">i8"), ("b", ">i4"), ("scoring", ">i4"), ("c", ">i4"), ("frame", ">i4"),
         ("d", ">i4"), ("at", ">i8"), ("e", ">i4"), ("score", ">f4")]
    )  # fmt: skip
    streams = []
    for of_rule in made(unit):
        rows = np.zeros(FRAMES, kind)
        rows["n"], rows["a"], rows["b"], rows["c"], rows["d"], rows["e"] = 5, 8, 4, 4, 8, 4
        rows["video"], rows["scoring"], rows["frame"] = unit.video.video_id, of_rule.rule.scoring_id, np.arange(FRAMES)
        rows["at"] = of_rule.moments - 946_684_800_000_000
        rows["score"] = of_rule.frames
        streams.append(b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows.tobytes() + b"\xff\xff")
    return streams


def _latency(ask: Callable[[], object], repetitions: int = 30) -> str:
    times: list[float] = []
    ask()
    for _ in range(repetitions):
        _timed(times, ask)
    return f"p50 {np.percentile(times, 50) * 1e3:.0f} ms, p95 {np.percentile(times, 95) * 1e3:.0f} ms"


def queries(bench: Bench, figures: Figures) -> None:
    """Every ready query, warm; operational ones with parameters of one night, camera or rule."""
    figures.table("query", "asks about", "p50", "p95", "processor", "rows", caption="**Queries**")
    known = {query.name: query for query in ready_queries()}
    for name in sorted(known, key=lambda name: (name not in OPERATIONAL, name)):
        operational = name in OPERATIONAL
        parameters = OPERATIONAL.get(name, {})
        if name == "provenance":
            parameters = {"event": run_ready(bench.reader, "to_review", {"most": 1}).rows[0][-1]}
        rows = len(run_ready(bench.reader, name, parameters).rows)
        took: list[tuple[float, float]] = []
        for _ in range(30 if operational else 3):
            bench.timed(took, lambda n=name, p=parameters: run_ready(bench.reader, n, p))
        wall, used = np.array(took).T * 1e3
        p50, p95 = np.percentile(wall, (50, 95))
        about = "one night, camera, rule or file" if operational else "the whole archive"
        figures.row(name, about, *(f"{value:.0f} ms" for value in (p50, p95, used.mean())), rows)


def main() -> None:
    """Run everything and print it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hours", type=float, default=20, help="camera-hours of footage")
    arguments.add_argument("--turns", type=int, default=8, help="commits of each kind, in turns")
    arguments.add_argument("--row-units", type=int, default=4, help="files stored in the other shape as well")
    add_save_option(arguments, "store")
    chosen = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-bench-store-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        bench = Bench(server, folder)
        ids = register(bench, chosen.hours)
        sample = ids[: 4 * chosen.turns + 2]
        with without_parquet():  # the first two are slower: partitions, caches
            for video_id in sample[:2]:
                commit_unit(bench.writer, bench.unit(video_id), bench.parquet)
        figures = Figures(f"{chosen.hours:,g} camera-hours under ten rules", ABOUT)
        loading(bench, sample[2:], figures)
        fill(bench, ids[len(sample) :])
        rows, frames = SEGMENTS * len(RULES) * len(ids), FRAMES * len(RULES) * len(ids)
        shapes(bench, ids[: chosen.row_units], chosen.hours, figures)
        queries(bench, figures)
        figures.result(f"{rows:,} rows, {frames:,} frame scores, all loaded and asked.")
        figures.save(chosen.save)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
