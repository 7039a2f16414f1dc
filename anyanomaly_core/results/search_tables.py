"""The tables of the index of footage, as the code sees them; see schema.py."""

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.types import UserDefinedType

from anyanomaly_core.results.schema import NOW, metadata

_MOMENT = DateTime(timezone=True)


class HalfVector(UserDefinedType[str]):
    """pgvector's ``halfvec``, as the text ``[1,0.5]``."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name."""
        return "halfvec"


encoders = Table(
    "encoders",
    metadata,
    Column("encoder_id", Integer, Identity(always=True), primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("model", Text, nullable=False),
    Column("pretrained", Text),
    Column("revision", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("created_at", _MOMENT, nullable=False, server_default=NOW),
)

indexed_videos = Table(
    "indexed_videos",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("encoder_id", Integer, ForeignKey("encoders.encoder_id"), primary_key=True),
    Column("layout_id", SmallInteger, ForeignKey("segment_layouts.layout_id"), nullable=False),
    Column("recorded_at", _MOMENT, nullable=False),
    Column("mask_digest", Text),
    Column("segments", Integer, nullable=False),
    Column("same_as", ARRAY(Integer), nullable=False),
    Column("vectors", Integer, nullable=False),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("work_ms", REAL, nullable=False),
    Column("run_id", BigInteger, ForeignKey("scan_runs.run_id")),
    Column("finished_at", _MOMENT, nullable=False, server_default=NOW),
)

footage_vectors = Table(
    "footage_vectors",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("started_at", _MOMENT, primary_key=True),
    Column("encoder_id", Integer, primary_key=True),
    Column("segment_index", Integer, primary_key=True),
    Column("frame", Integer, nullable=False),
    Column("part", SmallInteger, primary_key=True),
    *(Column(edge, SmallInteger, nullable=False) for edge in ("x0", "y0", "x1", "y1")),
    Column("embedding", HalfVector(), nullable=False),
    postgresql_partition_by="RANGE (started_at)",
)

searches = Table(
    "searches",
    metadata,
    Column("search_id", BigInteger, Identity(always=True), primary_key=True),
    Column("question", Text, nullable=False),
    Column("encoder_id", Integer, ForeignKey("encoders.encoder_id")),
    Column("query", HalfVector()),
    Column("cameras", ARRAY(Text)),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("case_number", Text),
    Column("searched_by", Text, nullable=False),
    Column("database_user", Text, nullable=False, server_default=text("SESSION_USER")),
    Column("searched_at", _MOMENT, nullable=False, server_default=NOW),
    Column("refused", Text),
    Column("noted_in", BigInteger, nullable=False),
)
