"""The table of cascades, as the code sees it; see schema.py."""

from sqlalchemy import ARRAY, REAL, BigInteger, Column, ForeignKeyConstraint, Integer, Table

from anyanomaly_core.results.schema import metadata

unit_cascades = Table(
    "unit_cascades",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("scoring_id", Integer, primary_key=True),
    Column("scorer_id", Integer, primary_key=True),
    Column("judged_by_rank", Integer, nullable=False),
    Column("judged_for_motion", Integer, nullable=False),
    Column("carried_from_audit", Integer, nullable=False),
    Column("audited_segments", ARRAY(Integer), nullable=False),
    Column("audited_scores", ARRAY(REAL), nullable=False),
    ForeignKeyConstraint(
        ["video_id", "scoring_id", "scorer_id"],
        ["units.video_id", "units.scoring_id", "units.scorer_id"],
        ondelete="CASCADE",
    ),
)
