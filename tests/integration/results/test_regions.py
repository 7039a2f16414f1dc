"""Regions of frames: stored with the scores, found by place, kept and removed with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.queries import run_ready
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.scoring.regions import FrameRegion, frame_region
from tests.conftest import TestDatabase
from tests.integration.results import world


def square(frame: int, left: int, top: int, side: int) -> FrameRegion:
    """A square in a mask of 40x40."""
    logits = np.full((40, 40), -1.0, np.float32)
    logits[top : top + side, left : left + side] = 2.0
    region = frame_region(frame, 0.9, logits)
    assert region is not None
    np.testing.assert_array_equal(region.pixels(), logits > 0)
    return region


def with_regions(result: UnitResult, *regions: FrameRegion) -> UnitResult:
    scores = [
        replace(score, regions=tuple(r for r in regions if r.frame // world.SEGMENT == score.segment_index))
        for score in result.scores
    ]
    return replace(result, scores=scores)


@pytest.fixture
def committed(engine: Engine, tmp_path: Path) -> tuple[UnitResult, list[FrameRegion]]:
    """A video across a month's end with two events: one on the left, one that comes in at the bottom right."""
    world.add_camera(engine, "gate")
    video = world.add_video(
        engine, "gate/1.mp4", frames=480, recorded_at=world.START.replace(hour=21, minute=59, second=50)
    )
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    curve = np.full(480, 0.1, np.float32)
    curve[48:120] = curve[240:312] = 0.9
    regions = [square(48, 2, 4, 8), square(60, 3, 4, 8), square(240, 30, 2, 4), square(264, 28, 30, 10)]
    result = with_regions(world.curve_result(engine, video, rule, scorer, curve), *regions)
    commit_unit(engine, result, tmp_path)
    return result, regions


def test_objects_are_found_by_place_and_size(
    committed: tuple[UnitResult, list[FrameRegion]], engine: Engine, tmp_path: Path
) -> None:
    result, regions = committed

    def ask(name: str, **values: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in run_ready(engine, name, values).rows]

    with engine.connect() as connection:
        stored = connection.execute(
            text("SELECT frame, x0, y0, x1, y1, area, mask FROM frame_regions ORDER BY 1")
        ).all()
    assert [tuple(row) for row in stored] == [
        (r.frame, *map(pytest.approx, r.box), pytest.approx(r.area), r.mask) for r in regions
    ]
    left = ask("events_by_place")
    assert [row[1:3] + row[6:] for row in left] == [("fall", "gate", 2)]
    assert left[0][4] == pytest.approx((6 / 40 + 7 / 40) / 2)
    entered = ask("entered_polygon")  # the lower half
    assert [(row[1], row[4]) for row in entered] == [("fall", True)]
    assert entered[0][0] != left[0][0]
    assert [row[4] for row in ask("largest_objects")] == pytest.approx([100 / 1600, 64 / 1600])
    [file] = (tmp_path / "frame_regions").rglob("*.parquet")
    table = pq.ParquetFile(file).read()
    assert table["mask"].to_pylist() == [r.mask for r in regions]
    assert table["rule_name"].to_pylist() == ["fall"] * 4
    commit_unit(engine, with_regions(result), tmp_path)  # scored again, and nothing is marked
    assert list((tmp_path / "frame_regions").rglob("*.parquet")) == []
    assert ask("largest_objects") == []


def test_regions_are_held_and_expire_with_their_scores(
    committed: tuple[UnitResult, list[FrameRegion]], database: TestDatabase
) -> None:
    owner, scanner = make_engine(database.url("anyanomaly")), make_engine(database.url())
    with owner.begin() as connection:
        held = "INSERT INTO legal_holds (event_id, reason, held_by) SELECT event_id, 'court', 'ann' FROM events LIMIT 1"
        connection.execute(text(held))
    with pytest.raises(DBAPIError, match="legal hold"), scanner.begin() as connection:
        connection.execute(text("DELETE FROM frame_regions"))
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE legal_holds SET released_at = now(), released_by = 'ann', release_reason = 'over'")
        )
        connection.execute(text("UPDATE cameras SET retention_days = 1"))
    with scanner.begin() as connection:
        video = committed[0].video.video_id
        assert connection.execute(text("SELECT expire_video(:id)"), {"id": video}).scalar_one()
        assert connection.execute(text("SELECT count(*) FROM frame_regions")).scalar_one() == 0
    owner.dispose()
    scanner.dispose()
