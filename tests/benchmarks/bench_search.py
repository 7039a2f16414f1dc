"""How fast the index answers and fills, how much it weighs, and whether it answers exactly.

    .venv/bin/python -m tests.benchmarks.bench_search [--segments 500000] [--dimensions 512] [--save]

An embedded PostgreSQL with as many synthetic segments as asked for: cameras that record all day, vectors in clusters as
pictures of a few scenes are, 1.3 vectors a segment. Loading is that of ``commit_vectors``, COPY and all; searching that
of ``anyanomaly search`` without the encoder. Every answer is compared with one that numpy gives from the same vectors,
and the same questions are put to HNSW, the approximate index that pgvector has.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from anyanomaly_core.results.searches import SearchRequest, note_search, search_results, vector_text
from anyanomaly_core.results.vector_store import StoredEncoder, VectorRows, copy_vectors, index_size, make_partitions
from tests.benchmarks.figures import Figures, add_save_option

HOUR_SEGMENTS = 3750  # of 24 frames at 25 a second
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
CAMERAS, SCENES, MOST = 8, 200, 100
ABOUT = (
    "Synthetic segments of cameras that record all day in an embedded PostgreSQL: the whole frame of each and a window "
    "of three in ten. Searching is that of `anyanomaly search` without the encoder; numpy's answer is beside every one."
)


def main() -> int:
    """Load, ask, compare; 1 when an answer is wrong."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--segments", type=int, default=500_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--questions", type=int, default=20)
    add_save_option(parser, "search")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anyanomaly-bench-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "pg")
        server.start()
        try:
            upgrade(server.url())
            return _measure(server, args)
        finally:
            server.stop()


def _measure(server: PostgresServer, args: argparse.Namespace) -> int:
    rng = np.random.default_rng(1)
    engine = make_engine(server.url(user="scanner"))
    scenes = _unit(rng.normal(size=(SCENES, args.dimensions)))
    hours = -(-args.segments // HOUR_SEGMENTS)
    parts, load_s = [], 0.0
    for hour in range(hours):
        parts.append(rows := _hour(rng, hour, scenes))
        start = time.perf_counter()
        _load(engine, hour, rows, args.dimensions)
        load_s += time.perf_counter() - start
    segments = hours * HOUR_SEGMENTS
    with engine.connect() as connection:
        size = index_size(connection)
    owner = make_engine(server.url())
    with owner.begin() as connection:
        connection.execute(text("ANALYZE footage_vectors"))
    everything = _Everything(parts)
    noise = rng.normal(size=(args.questions, args.dimensions)) / 20
    questions = _unit(scenes[rng.integers(SCENES, size=args.questions)] + noise)
    day = FIRST.date()
    figures = Figures("Search", ABOUT)
    caption = f"{segments:,} segments, {everything.count:,} vectors of {args.dimensions} numbers"
    figures.table("searched", "p50 ms", "p95 ms", f"recall@{MOST} against numpy", caption=caption)
    wrong = 0
    for name, cameras, on_day in (
        ("a camera and a day", ("cam-0",), day),
        ("a day", None, day),
        ("everything", None, None),
    ):
        took, shares = _ask(engine, questions, cameras, on_day, everything)
        wrong += sum(share < 1 for share in shares)
        figures.row(name, *_percentiles(took), f"{np.mean(shares):.4f}")
    figures.row(*_hnsw(owner, questions, everything))
    figures.table("loaded, segments/s", "bytes a segment", "bytes a vector", caption="The index")
    figures.row(f"{segments / load_s:,.0f}", f"{size / segments:,.0f}", f"{size / everything.count:,.0f}")
    figures.save(args.save)
    engine.dispose()
    owner.dispose()
    return 1 if wrong else 0


class _Everything:
    """All vectors, for the exact answer."""

    def __init__(self, parts: list[VectorRows]) -> None:
        self._vectors = np.concatenate([rows.embeddings for rows in parts])
        self._hour = np.repeat(np.arange(len(parts)), [len(rows.part) for rows in parts])
        self._segment = np.concatenate([rows.segment_index for rows in parts])
        self.count = len(self._hour)

    def nearest(self, query: NDArray[np.float32], chosen: Callable[[int], bool]) -> list[float]:
        """Similarities of the best ``MOST`` segments of the chosen hours."""
        hours = np.array([chosen(hour) for hour in range(self._hour[-1] + 1)])
        places = np.flatnonzero(hours[self._hour])
        query = query.astype(np.float16).astype(np.float32)
        alike = np.concatenate([self._vectors[part].astype(np.float32) @ query for part in np.array_split(places, 64)])
        key = self._hour[places].astype(np.int64) * HOUR_SEGMENTS + self._segment[places]
        order = np.argsort(-alike, kind="stable")
        _, first = np.unique(key[order], return_index=True)
        return sorted(alike[order[first]], reverse=True)[:MOST]


def _ask(
    engine: Engine,
    questions: NDArray[np.float32],
    cameras: tuple[str, ...] | None,
    day: date | None,
    truth: _Everything,
) -> tuple[list[float], list[float]]:
    """Seconds of each question but the first, which warms up, and the share of the right answers found."""
    took, shares = [], []

    def chosen(hour: int) -> bool:
        camera, recorded = _place(hour)
        return (cameras is None or camera in cameras) and (day is None or recorded.date() == day)

    for query in [questions[0], *questions]:
        start = time.perf_counter()
        question = SearchRequest("bench", "bench", cameras=cameras, first_day=day, last_day=day)
        search_id = note_search(engine, question, 1, query, None)
        with engine.connect() as connection:
            found = search_results(connection, search_id, MOST)
        took.append(time.perf_counter() - start)
        right = truth.nearest(query, chosen)
        # Equal similarities change places in half precision; so what is compared is how good the worst may be.
        shares.append(sum(one.similarity >= right[-1] - 1e-3 for one in found) / len(right))
    return took[1:], shares[1:]


def _hnsw(owner: Engine, questions: NDArray[np.float32], truth: _Everything) -> list[str]:
    """The alternative: pgvector's approximate index, which knows no filter before it looks."""
    dimensions = questions.shape[1]
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '2GB'"))
        start = time.perf_counter()
        build = f"CREATE INDEX hnsw ON footage_vectors USING hnsw ((embedding::halfvec({dimensions})) halfvec_ip_ops)"
        connection.execute(text(build))
        built_s = time.perf_counter() - start
        size = connection.execute(
            text("SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('hnsw')")
        ).scalar_one()
    nearest = text(
        f"SELECT -(embedding::halfvec({dimensions}) <#> CAST(:query AS halfvec({dimensions}))) FROM footage_vectors "  # noqa: S608
        f"ORDER BY embedding::halfvec({dimensions}) <#> CAST(:query AS halfvec({dimensions})) LIMIT {MOST}"
    )
    took, shares = [], []
    with owner.connect() as connection:
        connection.execute(text(f"SET hnsw.ef_search = {2 * MOST}"))
        for query in [questions[0], *questions]:
            start = time.perf_counter()
            found = connection.execute(nearest, {"query": vector_text(query)}).scalars().all()
            took.append(time.perf_counter() - start)
            right = truth.nearest(query, lambda _: True)
            shares.append(sum(one >= right[-1] - 1e-3 for one in found) / len(right))
    name = f"everything, HNSW ({built_s:.0f} s to build, {int(size or 0) / truth.count:,.0f} bytes a vector more)"
    return [name, *_percentiles(took[1:]), f"{np.mean(shares[1:]):.4f}"]


def _percentiles(seconds: list[float]) -> list[str]:
    """The 50th and the 95th, in milliseconds."""
    return [f"{value * 1000:.0f}" for value in np.percentile(seconds, [50, 95])]


def _place(hour: int) -> tuple[str, datetime]:
    return f"cam-{hour % CAMERAS}", FIRST + timedelta(hours=hour // CAMERAS)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _hour(rng: np.random.Generator, hour: int, scenes: NDArray[np.float32]) -> VectorRows:
    """An hour of a camera: the whole frame of each segment, and a window of three in ten."""
    windows = np.sort(rng.choice(HOUR_SEGMENTS, HOUR_SEGMENTS * 3 // 10, replace=False))
    index = np.concatenate([np.arange(HOUR_SEGMENTS), windows]).astype(np.int32)
    noise = rng.normal(size=(len(index), scenes.shape[1])).astype(np.float32) / scenes.shape[1] ** 0.5
    vectors = scenes[rng.integers(len(scenes), size=len(index))] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    started = int(_place(hour)[1].timestamp() * 1e6) + index.astype(np.int64) * 960_000
    part = np.repeat([0, 1], [HOUR_SEGMENTS, len(windows)]).astype(np.int16)
    boxes = np.broadcast_to(np.array([0, 0, 240, 240], np.int16), (len(index), 4))
    return VectorRows(started, index, index * 24, part, boxes, vectors.astype(np.float16))


def _load(engine: Engine, hour: int, rows: VectorRows, dimensions: int) -> None:
    camera, recorded = _place(hour)
    values = {"camera": camera, "uri": f"{camera}/{hour}.mp4", "sha": f"{hour:064x}", "at": recorded}
    values |= {"n": HOUR_SEGMENTS, "video": hour + 1, "vectors": len(rows.part), "d": dimensions}
    make_partitions(engine, np.unique(rows.started_us)[[0, -1]].tolist())
    with engine.begin() as connection:
        for statement in _CATALOGUE:
            connection.execute(text(statement), values)
        copy_vectors(connection, hour + 1, StoredEncoder(1, dimensions), rows)
        connection.execute(text(_INDEXED), values)


_CATALOGUE = (
    "INSERT INTO cameras (camera_id, name, time_zone) VALUES (:camera, :camera, 'UTC') ON CONFLICT DO NOTHING",
    "INSERT INTO segment_layouts (segment_frames, step) SELECT 24, 1 WHERE NOT EXISTS (SELECT FROM segment_layouts)",
    """INSERT INTO encoders (digest, model, revision, dimensions)
       SELECT 'd', 'm', 'r', :d WHERE NOT EXISTS (SELECT FROM encoders)""",
    """INSERT INTO videos
           (content_sha256, camera_id, uri, recorded_at, recorded_at_source, state, frame_count, duration_s)
       VALUES (:sha, :camera, :uri, :at, 'path', 'ready', 24 * :n, 0.96 * :n)""",
    "INSERT INTO video_cameras SELECT video_id, camera_id FROM videos WHERE content_sha256 = :sha",
    """INSERT INTO segments (video_id, layout_id, segment_index, first_frame, last_frame, start_s, end_s)
       SELECT video_id, 1, i, 24 * i, 24 * i + 23, 0.96 * i, 0.96 * (i + 1)
       FROM videos, generate_series(0, :n - 1) i WHERE content_sha256 = :sha""",
)
_INDEXED = """INSERT INTO indexed_videos (video_id, encoder_id, layout_id, recorded_at, segments, same_as, vectors,
                                         work_ms)
              SELECT :video, 1, 1, :at, :n, ARRAY(SELECT generate_series(0, :n - 1)), :vectors, 0"""


if __name__ == "__main__":
    sys.exit(main())
