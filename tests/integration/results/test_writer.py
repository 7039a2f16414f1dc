import hashlib
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sqlalchemy import Engine, text

from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

ROWS = """SELECT to_jsonb(s) - 'timings' AS row FROM segment_scores s
          ORDER BY video_id, scoring_id, scorer_id, segment_index"""

IN_PARQUET = """
    SELECT rule, CAST(version AS INTEGER), camera, video, frame, epoch_us(frame_at), score, CAST(status AS VARCHAR)
    FROM read_parquet(?, hive_partitioning = true) ORDER BY rule, video, frame
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


def test_months_get_partitions_by_themselves(engine: Engine, tmp_path: Path) -> None:
    world.small_archive(engine, tmp_path)
    found = rows(
        engine,
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'segment_scores'::regclass ORDER BY 1",
    )
    assert found == [("segment_scores_2026_03",), ("segment_scores_2026_04",)]
