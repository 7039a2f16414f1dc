"""Regions of frames in the database: what a scorer marked, beside its scores and replaced with them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Connection,
    Integer,
    SmallInteger,
    Table,
    Text,
    and_,
    delete,
    insert,
    text,
)

from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.results.rows import RuleScores, UnitScores
from anyanomaly_core.results.schema import Moment, metadata

frame_regions = Table(
    "frame_regions",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("scoring_id", Integer, primary_key=True),
    Column("scorer_id", Integer, primary_key=True),
    Column("frame", Integer, primary_key=True),
    Column("frame_at", Moment, primary_key=True),
    *(Column(name, REAL, nullable=False) for name in ("score", "x0", "y0", "x1", "y1", "area", "centre_x", "centre_y")),
    Column("mask_height", SmallInteger, nullable=False),
    Column("mask_width", SmallInteger, nullable=False),
    Column("mask", Text, nullable=False),
    postgresql_partition_by="RANGE (frame_at)",
)

_A_DAY = timedelta(days=1)
_AT_ONCE = 1000  # rows that are statement parameters at a time


def make_region_partitions(connection: Connection, unit: UnitScores) -> None:
    """Make the partitions of all months in which something is marked."""
    frames = {region.frame for of_rule in unit.rules for score in of_rule.scores for region in score.regions}
    for month in sorted({to_datetime(int(unit.moments[frame])).replace(day=1).date() for frame in frames}):
        connection.execute(text("SELECT ensure_region_partition(:moment)"), {"moment": f"{month} 00:00:00+00"})


def replace_regions(connection: Connection, unit: UnitScores, rules: Sequence[RuleScores]) -> None:
    """Write the regions of a unit in place of those there; the video must be locked.

    Every commit comes through here, and most scorers mark nothing, so only the partitions of the video are looked into.
    """
    f, result = frame_regions.c, unit.result
    of_unit = and_(f.video_id == result.video.video_id, f.scorer_id == result.scorer.scorer_id)
    scorings = [of_rule.rule.scoring_id for of_rule in rules]
    begin, end = (to_datetime(int(unit.moments[place])) for place in (0, -1))
    recorded = f.frame_at.between(begin - _A_DAY, end + _A_DAY)  # as it was indexed then
    connection.execute(delete(frame_regions).where(of_unit, recorded, f.scoring_id.in_(scorings)))
    for of_rule in rules:
        rows = list(_rows(unit, of_rule))
        for first in range(0, len(rows), _AT_ONCE):
            connection.execute(insert(frame_regions), rows[first : first + _AT_ONCE])


def _rows(unit: UnitScores, of_rule: RuleScores) -> Iterator[dict[str, Any]]:
    unit_key = {
        "video_id": unit.result.video.video_id,
        "scoring_id": of_rule.rule.scoring_id,
        "scorer_id": unit.result.scorer.scorer_id,
    }
    for region in (region for score in of_rule.scores for region in score.regions):
        (x0, y0, x1, y1), (centre_x, centre_y), (rows, columns) = region.box, region.centre, region.mask_size
        yield unit_key | {
            "frame": region.frame,
            "frame_at": to_datetime(int(unit.moments[region.frame])),
            "score": region.score,
            "x0": x0, "y0": y0, "x1": x1, "y1": y1,
            "area": region.area,
            "centre_x": centre_x, "centre_y": centre_y,
            "mask_height": rows, "mask_width": columns, "mask": region.mask,
        }  # fmt: skip
