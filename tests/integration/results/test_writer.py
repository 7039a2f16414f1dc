import dataclasses
import gc
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.results import writer
from anyanomaly_core.results.rows import RuleRows
from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

ROWS = """SELECT to_jsonb(s) - 'timings' AS row FROM segment_scores s
          ORDER BY video_id, scoring_id, scorer_id, segment_index"""

IN_PARQUET = """
    SELECT rule, CAST(version AS INTEGER), camera, video, frame, epoch_us(frame_at), score, CAST(status AS VARCHAR)
    FROM read_parquet(?, hive_partitioning = true) ORDER BY rule, video, frame
"""

SEGMENTS_IN_SQL = """
    SELECT rule, v.content_sha256, segment_index, first_frame, last_frame,
           (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM ended_at) * 1000000)::bigint,
           status::text,
           score::float8, key_score::float8, position_score::float8, temporal_score::float8, peak::float8, key_frame,
           grid_frames, winning_window, winning_text, rationale, reason
    FROM segment_results JOIN videos v USING (video_id) ORDER BY 1, 2, 3
"""
SEGMENTS_IN_PARQUET = """
    SELECT rule, video, segment, first_frame, last_frame, epoch_us(started_at), epoch_us(ended_at),
           CAST(status AS VARCHAR),
           score, key_score, position_score, temporal_score, peak, key_frame,
           grid_frames, winning_window, winning_text, rationale, reason
    FROM read_parquet(?, hive_partitioning = true) ORDER BY 1, 2, 3
"""


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def rows(engine: Engine, query: str = ROWS) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_committing_again_gives_the_same_rows_and_bytes(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    before = rows(engine), rows(engine, "SELECT to_jsonb(e) FROM events e ORDER BY 1"), tree(tmp_path)
    for video_id in videos:
        commit_unit(engine, world.unit_result(engine, video_id, rules, scorer), tmp_path)
    assert (rows(engine), rows(engine, "SELECT to_jsonb(e) FROM events e ORDER BY 1"), tree(tmp_path)) == before
    assert len(before[0]) == 2 * (5 + 4 + 25)
    assert len(before[2]) == 3 * 2 * 2


def test_rows_of_one_rule_after_the_other_are_in_memory(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    more = tuple(world.add_rule(engine, f"rule-{number}") for number in range(6))
    result = world.unit_result(engine, videos[0], (*rules, *more), scorer)
    alive: list[int] = []
    make = writer.make_rows

    def counted(*given: Any) -> Any:  # noqa: ANN401
        gc.collect()
        alive.append(sum(isinstance(thing, RuleRows) for thing in gc.get_objects()))
        return make(*given)

    monkeypatch.setattr(writer, "make_rows", counted)
    commit_unit(engine, result, tmp_path)
    assert len(alive) == 8
    assert max(alive) <= 1  # those before, which are still being written as Parquet


def test_every_value_is_stored_as_given(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    result = world.unit_result(engine, videos[0], rules, scorer)
    stored = rows(engine, "SELECT * FROM segment_scores ORDER BY video_id, scoring_id, segment_index")[:10]
    assert len(stored) == len(result.scores)
    for row, score in zip(stored, result.scores, strict=True):
        (video_id, _, _, _, index, first, started, ended, status, fused, key, position, temporal, peak, frames,
         key_frame, grid, window, winning, rationale, reason, raw, timings) = row  # fmt: skip
        assert (video_id, index, first, status) == (videos[0], score.segment_index, 24 * index, score.status.value)
        expected = result.frame_scores[score.rule_version_id][first : first + len(frames)]
        np.testing.assert_array_equal(np.array([np.nan if x is None else x for x in frames], np.float32), expected)
        if score.score is None:
            assert (fused, peak, reason, raw) == (None, None, "silence", "\ufffdmaybe ?")
        else:
            assert (key, position, temporal) == pytest.approx((score.score, 0.25, None))
            assert fused == pytest.approx(score.score, abs=1e-6)
            assert peak == pytest.approx(float(np.nanmax(expected)))
            assert (key_frame, grid, window, winning) == (24 * index, [1, 2, 3, 4], [0, 0, 48, 48], score.text)
            assert (rationale, reason, timings) == (score.rationale, None, {"lvlm": 1.5})
        assert started < ended
    assert started - world.START == world.timedelta(seconds=0.96 * 4)


def test_duckdb_finds_the_same_frames_in_parquet(engine: Engine, tmp_path: Path) -> None:
    world.small_archive(engine, tmp_path)
    in_sql = rows(
        engine,
        """SELECT rule, version, camera, content_sha256, frame, extract(epoch FROM frame_at)::numeric * 1000000,
                  score::double precision, status::text
           FROM frame_scores JOIN videos USING (video_id) ORDER BY rule, content_sha256, frame""",
    )
    in_parquet = duckdb.execute(IN_PARQUET, [f"{tmp_path}/frame_scores/**/*.parquet"]).fetchall()
    assert len(in_sql) == 2 * (100 + 77 + 600)
    assert [(*row[:5], int(row[5]), *row[6:]) for row in in_sql] == in_parquet


def test_duckdb_finds_the_same_segments_in_parquet(engine: Engine, tmp_path: Path) -> None:
    world.small_archive(engine, tmp_path)
    in_parquet = duckdb.execute(SEGMENTS_IN_PARQUET, [f"{tmp_path}/segment_scores/**/*.parquet"]).fetchall()
    assert rows(engine, SEGMENTS_IN_SQL) == in_parquet
    assert len(in_parquet) == 2 * (5 + 4 + 25)


def test_files_are_packed_as_promised_and_know_where_they_come_from(engine: Engine, tmp_path: Path) -> None:
    world.small_archive(engine, tmp_path)
    file = pq.ParquetFile(next((tmp_path / "frame_scores/rule=bike").rglob("*.parquet")))
    encodings = {
        c.path_in_schema: (c.compression, c.encodings) for c in map(file.metadata.row_group(0).column, range(8))
    }
    assert all(compression == "ZSTD" for compression, _ in encodings.values())
    assert "BYTE_STREAM_SPLIT" in encodings["score"][1]
    assert all("DELTA_BINARY_PACKED" in encodings[name][1] for name in ("frame", "frame_at", "segment"))
    footer = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    assert (footer["anyanomaly.rule"], footer["anyanomaly.version"], footer["anyanomaly.profile"]) == (
        "bike",
        "1",
        "demo",
    )
    assert len(footer["anyanomaly.scorer_digest"]) == len(footer["anyanomaly.video_sha256"]) == 64


def test_months_get_partitions_by_themselves(engine: Engine, tmp_path: Path) -> None:
    world.small_archive(engine, tmp_path)
    found = rows(
        engine,
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'segment_scores'::regclass ORDER BY 1",
    )
    assert found == [("segment_scores_2026_03",), ("segment_scores_2026_04",)]


def test_timings_of_any_name_arrive(engine: Engine, tmp_path: Path) -> None:
    videos, rules, scorer = world.small_archive(engine, tmp_path)
    result = world.unit_result(engine, videos[0], rules, scorer, failing=0)
    timings = {'100 % "of" it': 1.0, "größe\\": np.float32(0.1), "whole": 2}
    scores = tuple(dataclasses.replace(score, timings_ms=timings) for score in result.scores)
    commit_unit(engine, dataclasses.replace(result, scores=scores), tmp_path)
    (stored,) = {str(row[0]) for row in rows(engine, "SELECT timings FROM segment_scores WHERE video_id = 1")}
    assert stored == str(
        {name: float(value) for name, value in sorted(timings.items(), key=lambda i: len(i[0].encode()))}
    )


def test_partitions_of_new_months_appear_with_the_first_commit_of_their_footage(engine: Engine, tmp_path: Path) -> None:
    """As the tasks' user, who may make no table; the video begins two seconds before a new year."""
    there = """SELECT inhrelid::regclass::text, pg_get_expr(c.relpartbound, c.oid)
               FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
               WHERE inhparent = 'segment_scores'::regclass ORDER BY 1"""
    world.add_camera(engine, "gate", "Asia/Tokyo")  # months are of UTC, whatever the camera's zone
    recorded_at = datetime(2031, 12, 31, 23, 59, 58, tzinfo=UTC)
    video_id = world.add_video(engine, "gate/1.mp4", recorded_at=recorded_at)
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    with engine.connect() as connection:
        assert connection.execute(text(there)).all() == []
    for _ in range(2):
        commit_unit(engine, world.unit_result(engine, video_id, (rule,), scorer), tmp_path)
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(text(there))] == [
            (
                "segment_scores_2031_12",
                "FOR VALUES FROM ('2031-12-01 00:00:00+00') TO ('2032-01-01 00:00:00+00')",
            ),
            (
                "segment_scores_2032_01",
                "FOR VALUES FROM ('2032-01-01 00:00:00+00') TO ('2032-02-01 00:00:00+00')",
            ),
        ]
        count = "SELECT tableoid::regclass::text, count(*) FROM segment_scores GROUP BY 1 ORDER BY 1"
        # 100 frames at 25 a second: segments of 24 begin after 0, 0.96 and 1.92 s, then 2.88 and 3.84.
        assert [tuple(row) for row in connection.execute(text(count))] == [
            ("segment_scores_2031_12", 3),
            ("segment_scores_2032_01", 2),
        ]
