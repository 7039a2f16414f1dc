"""The tables as the code sees them; ``sql/baseline`` and ``sql/migrations`` make them, and a test compares the two.

What each table and column means is said once, in the comments there; ``docs/sql.md`` is made of them.
"""

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Interval,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM, JSONB, UUID

metadata = MetaData()

VideoState = ENUM("registered", "ready", "damaged", "unreadable", "missing", name="video_state", create_type=False)
SegmentStatus = ENUM("scored", "carried", "pruned", "failed", name="segment_status", create_type=False)
UnitState = ENUM("done", "partial", "failed", name="unit_state", create_type=False)
RuleState = ENUM("active", "paused", "retired", name="rule_state", create_type=False)
Moment = DateTime(timezone=True)
NOW = func.now()


def _needed(name: str, kind: object, *extra: object, **options: object) -> Column:  # type: ignore[type-arg]
    return Column(name, kind, *extra, nullable=False, **options)  # type: ignore[arg-type]


cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", Text, primary_key=True),
    _needed("name", Text),
    _needed("time_zone", Text),
    Column("retention_days", Integer),
    _needed("created_at", Moment, server_default=NOW),
)

videos = Table(
    "videos",
    metadata,
    Column("video_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("content_sha256", Text, unique=True),
    _needed("camera_id", Text, ForeignKey("cameras.camera_id")),
    _needed("uri", Text),
    _needed("recorded_at", Moment),
    _needed("recorded_at_source", Text),
    _needed("state", VideoState, server_default="registered"),
    Column("error", Text),
    Column("frame_count", Integer),
    Column("duration_s", Double),
    Column("fps_num", Integer),
    Column("fps_den", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("rotation", SmallInteger),
    Column("codec", Text),
    _needed("damage", ARRAY(Text), server_default="{}"),
    Column("complete", Boolean),
    Column("decoder", Text),
    _needed("registered_at", Moment, server_default=NOW),
    Column("indexed_at", Moment),
    Column("expired_at", Moment),
    _needed("clock_offset", Interval, server_default="0"),
    Column("replaced_by", BigInteger, ForeignKey("videos.video_id")),
    _needed("no_footage_s", Double, server_default="0"),
    _needed("times_as_stated", Boolean, server_default="true"),
)

video_files = Table(
    "video_files",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("video_id", BigInteger, ForeignKey("videos.video_id")),
    Column("camera_id", Text, ForeignKey("cameras.camera_id")),
    Column("recorded_at", Moment),
    _needed("size", BigInteger),
    _needed("modified", Double),
    Column("problem", Text),
    _needed("seen_at", Moment),
    Column("missing_since", Moment),
)

video_cameras = Table(
    "video_cameras",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("camera_id", Text, ForeignKey("cameras.camera_id"), primary_key=True),
)

video_stretches = Table(
    "video_stretches",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("first_frame", Integer, primary_key=True),
    _needed("frame_count", Integer),
    _needed("start_s", Double),
    _needed("end_s", Double),
)

segment_layouts = Table(
    "segment_layouts",
    metadata,
    Column("layout_id", SmallInteger, Identity(always=True), primary_key=True),
    _needed("segment_frames", Integer),
    Column("step", Integer),
    Column("fps", Double),
    Column("segment_s", Double),
)

segments = Table(
    "segments",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("layout_id", SmallInteger, ForeignKey("segment_layouts.layout_id"), primary_key=True),
    Column("segment_index", Integer, primary_key=True),
    _needed("first_frame", Integer),
    _needed("last_frame", Integer),
    _needed("start_s", Double),
    _needed("end_s", Double),
    Column("motion", REAL),
    Column("frame_offsets", ARRAY(REAL)),
)

rules = Table(
    "rules",
    metadata,
    Column("rule_id", Integer, Identity(always=True), primary_key=True),
    _needed("name", Text, unique=True),
    _needed("state", RuleState, server_default="active"),
    _needed("current_version", Integer),
    _needed("created_at", Moment, server_default=NOW),
    Column("events_version", Integer),
    _needed("applied_active", Boolean, server_default="true"),
)

scorings = Table(
    "scorings",
    metadata,
    Column("scoring_id", Integer, Identity(always=True), primary_key=True),
    _needed("rule_id", Integer, ForeignKey("rules.rule_id")),
    _needed("digest", Text),
    _needed("first_version", Integer),
)

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("rule_version_id", Integer, Identity(always=True), primary_key=True),
    _needed("rule_id", Integer, ForeignKey("rules.rule_id")),
    _needed("version", Integer),
    _needed("scoring_id", Integer, ForeignKey("scorings.scoring_id")),
    _needed("definition", JSONB),
    _needed("cameras", ARRAY(Text)),
    _needed("threshold", REAL),
    _needed("digest", Text),
    _needed("author", Text),
    _needed("created_at", Moment, server_default=NOW),
)

scorers = Table(
    "scorers",
    metadata,
    Column("scorer_id", Integer, Identity(always=True), primary_key=True),
    _needed("digest", Text, unique=True),
    _needed("profile_digest", Text),
    _needed("profile_name", Text),
    _needed("profile", JSONB),
    _needed("revisions", JSONB),
    _needed("code_version", Text),
    Column("notice", Text),
    _needed("created_at", Moment, server_default=NOW),
    _needed("last_used_at", Moment, server_default=NOW),
)

scan_runs = Table(
    "scan_runs",
    metadata,
    Column("run_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("kind", Text),
    Column("external_id", Text),
    _needed("code_version", Text),
    _needed("params", JSONB, server_default="{}"),
    _needed("started_at", Moment, server_default=NOW),
    Column("finished_at", Moment),
    Column("outcome", Text),
    _needed("summary", JSONB, server_default="{}"),
)

units = Table(
    "units",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("scoring_id", Integer, ForeignKey("scorings.scoring_id"), primary_key=True),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), primary_key=True),
    _needed("layout_id", SmallInteger, ForeignKey("segment_layouts.layout_id")),
    _needed("state", UnitState),
    _needed("is_current", Boolean),
    _needed("attempts", Integer),
    Column("last_error", Text),
    *(_needed(f"segments_{status}", Integer) for status in SegmentStatus.enums),
    *(_needed(f"seconds_{status}", Double) for status in SegmentStatus.enums),
    _needed("work_ms", REAL, server_default="0"),
    Column("run_id", BigInteger, ForeignKey("scan_runs.run_id")),
    _needed("finished_at", Moment, server_default=NOW),
    Column("mask_digest", Text),
    Column("parquet_files", ARRAY(Text)),
)

unit_leases = Table(
    "unit_leases",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), primary_key=True),
    _needed("token", UUID),
    _needed("holder", Text),
    _needed("taken_at", Moment, server_default=NOW),
    _needed("renewed_at", Moment, server_default=NOW),
)

unit_journal = Table(
    "unit_journal",
    metadata,
    Column("batch_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("video_id", BigInteger, ForeignKey("videos.video_id")),
    _needed("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    Column("mask_digest", Text),
    _needed("scores", Text),
    _needed("written_at", Moment, server_default=NOW),
)

segment_scores = Table(
    "segment_scores",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("scoring_id", Integer, primary_key=True),
    Column("scorer_id", Integer, primary_key=True),
    _needed("layout_id", SmallInteger),
    Column("segment_index", Integer, primary_key=True),
    _needed("first_frame", Integer),
    Column("started_at", Moment, primary_key=True),
    _needed("ended_at", Moment),
    _needed("status", SegmentStatus),
    *(Column(name, REAL) for name in ("score", "key_score", "position_score", "temporal_score", "peak")),
    _needed("frame_scores", ARRAY(REAL)),
    Column("key_frame", Integer),
    Column("grid_frames", ARRAY(Integer)),
    Column("winning_window", ARRAY(SmallInteger)),
    *(Column(name, Text) for name in ("winning_text", "rationale", "reason", "raw_answer")),
    Column("timings", JSONB),
    postgresql_partition_by="RANGE (started_at)",
)

events = Table(
    "events",
    metadata,
    Column("event_id", UUID(as_uuid=True), primary_key=True),
    Column("rule_version_id", Integer, ForeignKey("rule_versions.rule_version_id"), primary_key=True),
    _needed("video_id", BigInteger, ForeignKey("videos.video_id")),
    _needed("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    _needed("camera_id", Text, ForeignKey("cameras.camera_id")),
    _needed("first_frame", Integer),
    _needed("last_frame", Integer),
    _needed("started_at", Moment),
    _needed("ended_at", Moment),
    _needed("peak_score", REAL),
    _needed("peak_frame", Integer),
    _needed("peak_at", Moment),
    _needed("mean_score", REAL),
    _needed("segment_index", Integer),
    Column("winning_text", Text),
    Column("rationale", Text),
)

event_parts = Table(
    "event_parts",
    metadata,
    Column("event_id", UUID(as_uuid=True), primary_key=True),
    Column("rule_version_id", Integer, primary_key=True),
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    _needed("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    _needed("first_frame", Integer),
    _needed("last_frame", Integer),
    _needed("started_at", Moment),
    _needed("ended_at", Moment),
    _needed("peak_score", REAL),
    _needed("peak_frame", Integer),
    _needed("segment_index", Integer),
    ForeignKeyConstraint(
        ["event_id", "rule_version_id"], ["events.event_id", "events.rule_version_id"], ondelete="CASCADE"
    ),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("event_id", UUID(as_uuid=True)),
    _needed("rule_version_id", Integer, ForeignKey("rule_versions.rule_version_id")),
    _needed("verdict", Text),
    _needed("reviewer", Text),
    Column("note", Text),
    _needed("created_at", Moment, server_default=NOW),
    Column("withdraws", BigInteger, ForeignKey("verdicts.verdict_id")),
    Column("carried_from", BigInteger, ForeignKey("verdicts.verdict_id")),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("hold_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("event_id", UUID(as_uuid=True)),
    _needed("video_id", BigInteger, ForeignKey("videos.video_id")),
    _needed("reason", Text),
    _needed("held_by", Text),
    _needed("held_at", Moment, server_default=NOW),
    _needed("database_user", Text, server_default=text("SESSION_USER")),
    Column("released_at", Moment),
    Column("released_by", Text),
    Column("release_reason", Text),
)

retention_changes = Table(
    "retention_changes",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("camera_id", Text, ForeignKey("cameras.camera_id")),
    Column("retention_days", Integer),
    _needed("changed_by", Text),
    _needed("database_user", Text, server_default=text("SESSION_USER")),
    _needed("changed_at", Moment, server_default=NOW),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("title", Text),
    _needed("opened_by", Text),
    _needed("opened_at", Moment, server_default=NOW),
)

case_entries = Table(
    "case_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("case_id", BigInteger, ForeignKey("cases.case_id")),
    _needed("kind", Text),
    Column("event_id", UUID(as_uuid=True)),
    Column("text", Text),
    _needed("author", Text),
    _needed("created_at", Moment, server_default=NOW),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", BigInteger, Identity(always=True), primary_key=True),
    _needed("key", UUID(as_uuid=True), server_default=func.gen_random_uuid()),
    _needed("target", Text),
    _needed("event_id", UUID(as_uuid=True)),
    _needed("rule", Text),
    _needed("camera_id", Text, ForeignKey("cameras.camera_id")),
    _needed("started_at", Moment),
    _needed("ended_at", Moment),
    _needed("queued_at", Moment, server_default=NOW),
    _needed("state", Text, server_default="waiting"),
    _needed("attempts", Integer, server_default="0"),
    _needed("next_try_at", Moment, server_default=NOW),
    Column("settled_at", Moment),
    Column("problem", Text),
)
