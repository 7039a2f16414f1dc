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


def _required(name: str, kind: object, *extra: object, **options: object) -> Column:  # type: ignore[type-arg]
    return Column(name, kind, *extra, nullable=False, **options)  # type: ignore[arg-type]


cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", Text, primary_key=True),
    _required("name", Text),
    _required("time_zone", Text),
    Column("retention_days", Integer),
    _required("created_at", Moment, server_default=NOW),
)

videos = Table(
    "videos",
    metadata,
    Column("video_id", BigInteger, Identity(always=True), primary_key=True),
    _required("content_sha256", Text, unique=True),
    _required("camera_id", Text, ForeignKey("cameras.camera_id")),
    _required("uri", Text),
    _required("recorded_at", Moment),
    _required("recorded_at_source", Text),
    _required("state", VideoState, server_default="registered"),
    Column("error", Text),
    Column("frame_count", Integer),
    Column("duration_s", Double),
    Column("fps_num", Integer),
    Column("fps_den", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("rotation", SmallInteger),
    Column("codec", Text),
    _required("damage", ARRAY(Text), server_default="{}"),
    Column("complete", Boolean),
    Column("decoder", Text),
    _required("registered_at", Moment, server_default=NOW),
    Column("indexed_at", Moment),
    Column("expired_at", Moment),
    _required("clock_offset", Interval, server_default="0"),
    Column("replaced_by", BigInteger, ForeignKey("videos.video_id")),
    _required("no_footage_s", Double, server_default="0"),
    _required("times_as_stated", Boolean, server_default="true"),
)

video_files = Table(
    "video_files",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("video_id", BigInteger, ForeignKey("videos.video_id")),
    Column("camera_id", Text, ForeignKey("cameras.camera_id")),
    Column("recorded_at", Moment),
    _required("size", BigInteger),
    _required("modified", Double),
    Column("problem", Text),
    _required("seen_at", Moment),
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
    _required("frame_count", Integer),
    _required("start_s", Double),
    _required("end_s", Double),
)

segment_layouts = Table(
    "segment_layouts",
    metadata,
    Column("layout_id", SmallInteger, Identity(always=True), primary_key=True),
    _required("segment_frames", Integer),
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
    _required("first_frame", Integer),
    _required("last_frame", Integer),
    _required("start_s", Double),
    _required("end_s", Double),
    Column("motion", REAL),
    Column("frame_offsets", ARRAY(REAL)),
)

rules = Table(
    "rules",
    metadata,
    Column("rule_id", Integer, Identity(always=True), primary_key=True),
    _required("name", Text, unique=True),
    _required("state", RuleState, server_default="active"),
    _required("current_version", Integer),
    _required("created_at", Moment, server_default=NOW),
    Column("events_version", Integer),
    _required("applied_active", Boolean, server_default="true"),
    Column("applied_digest", Text),
)

rule_drafts = Table(
    "rule_drafts",
    metadata,
    Column("draft_id", BigInteger, Identity(always=True), primary_key=True),
    _required("rule", Text),
    _required("based_on", Integer),
    _required("definition", JSONB),
    _required("author", Text),
    _required("created_at", Moment, server_default=NOW),
)

scorings = Table(
    "scorings",
    metadata,
    Column("scoring_id", Integer, Identity(always=True), primary_key=True),
    _required("rule_id", Integer, ForeignKey("rules.rule_id")),
    _required("digest", Text),
    _required("first_version", Integer),
)

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("rule_version_id", Integer, Identity(always=True), primary_key=True),
    _required("rule_id", Integer, ForeignKey("rules.rule_id")),
    _required("version", Integer),
    _required("scoring_id", Integer, ForeignKey("scorings.scoring_id")),
    _required("definition", JSONB),
    _required("cameras", ARRAY(Text)),
    _required("threshold", REAL),
    _required("digest", Text),
    _required("author", Text),
    _required("created_at", Moment, server_default=NOW),
)

scorers = Table(
    "scorers",
    metadata,
    Column("scorer_id", Integer, Identity(always=True), primary_key=True),
    _required("digest", Text, unique=True),
    _required("profile_digest", Text),
    _required("profile_name", Text),
    _required("profile", JSONB),
    _required("revisions", JSONB),
    _required("code_version", Text),
    Column("notice", Text),
    _required("created_at", Moment, server_default=NOW),
    _required("last_used_at", Moment, server_default=NOW),
)

scan_runs = Table(
    "scan_runs",
    metadata,
    Column("run_id", BigInteger, Identity(always=True), primary_key=True),
    _required("kind", Text),
    Column("external_id", Text),
    _required("code_version", Text),
    _required("params", JSONB, server_default="{}"),
    _required("started_at", Moment, server_default=NOW),
    Column("finished_at", Moment),
    Column("outcome", Text),
    _required("summary", JSONB, server_default="{}"),
)

units = Table(
    "units",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("scoring_id", Integer, ForeignKey("scorings.scoring_id"), primary_key=True),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), primary_key=True),
    _required("layout_id", SmallInteger, ForeignKey("segment_layouts.layout_id")),
    _required("state", UnitState),
    _required("is_current", Boolean),
    _required("attempts", Integer),
    Column("last_error", Text),
    *(_required(f"segments_{status}", Integer) for status in SegmentStatus.enums),
    *(_required(f"seconds_{status}", Double) for status in SegmentStatus.enums),
    _required("work_ms", REAL, server_default="0"),
    Column("run_id", BigInteger, ForeignKey("scan_runs.run_id")),
    _required("finished_at", Moment, server_default=NOW),
    Column("mask_digest", Text),
    Column("parquet_files", ARRAY(Text)),
    Column("certificate_id", BigInteger, ForeignKey("certificates.certificate_id")),
)

unit_leases = Table(
    "unit_leases",
    metadata,
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), primary_key=True),
    _required("token", UUID),
    _required("holder", Text),
    _required("taken_at", Moment, server_default=NOW),
    _required("renewed_at", Moment, server_default=NOW),
)

unit_journal = Table(
    "unit_journal",
    metadata,
    Column("batch_id", BigInteger, Identity(always=True), primary_key=True),
    _required("video_id", BigInteger, ForeignKey("videos.video_id")),
    _required("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    Column("mask_digest", Text),
    _required("scores", Text),
    _required("written_at", Moment, server_default=NOW),
)

segment_scores = Table(
    "segment_scores",
    metadata,
    Column("video_id", BigInteger, primary_key=True),
    Column("scoring_id", Integer, primary_key=True),
    Column("scorer_id", Integer, primary_key=True),
    _required("layout_id", SmallInteger),
    Column("segment_index", Integer, primary_key=True),
    _required("first_frame", Integer),
    Column("started_at", Moment, primary_key=True),
    _required("ended_at", Moment),
    _required("status", SegmentStatus),
    *(Column(name, REAL) for name in ("score", "key_score", "position_score", "temporal_score", "peak")),
    _required("frame_scores", ARRAY(REAL)),
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
    _required("video_id", BigInteger, ForeignKey("videos.video_id")),
    _required("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    _required("camera_id", Text, ForeignKey("cameras.camera_id")),
    _required("first_frame", Integer),
    _required("last_frame", Integer),
    _required("started_at", Moment),
    _required("ended_at", Moment),
    _required("peak_score", REAL),
    _required("peak_frame", Integer),
    _required("peak_at", Moment),
    _required("mean_score", REAL),
    _required("segment_index", Integer),
    Column("winning_text", Text),
    Column("rationale", Text),
)

event_parts = Table(
    "event_parts",
    metadata,
    Column("event_id", UUID(as_uuid=True), primary_key=True),
    Column("rule_version_id", Integer, primary_key=True),
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), primary_key=True),
    _required("scorer_id", Integer, ForeignKey("scorers.scorer_id")),
    _required("first_frame", Integer),
    _required("last_frame", Integer),
    _required("started_at", Moment),
    _required("ended_at", Moment),
    _required("peak_score", REAL),
    _required("peak_frame", Integer),
    _required("segment_index", Integer),
    ForeignKeyConstraint(
        ["event_id", "rule_version_id"], ["events.event_id", "events.rule_version_id"], ondelete="CASCADE"
    ),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", BigInteger, Identity(always=True), primary_key=True),
    _required("event_id", UUID(as_uuid=True)),
    _required("rule_version_id", Integer, ForeignKey("rule_versions.rule_version_id")),
    _required("verdict", Text),
    _required("reviewer", Text),
    Column("note", Text),
    _required("created_at", Moment, server_default=NOW),
    Column("withdraws", BigInteger, ForeignKey("verdicts.verdict_id")),
    Column("carried_from", BigInteger, ForeignKey("verdicts.verdict_id")),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("hold_id", BigInteger, Identity(always=True), primary_key=True),
    _required("event_id", UUID(as_uuid=True)),
    _required("video_id", BigInteger, ForeignKey("videos.video_id")),
    _required("reason", Text),
    _required("held_by", Text),
    _required("held_at", Moment, server_default=NOW),
    _required("database_user", Text, server_default=text("SESSION_USER")),
    Column("released_at", Moment),
    Column("released_by", Text),
    Column("release_reason", Text),
)

retention_changes = Table(
    "retention_changes",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), primary_key=True),
    _required("camera_id", Text, ForeignKey("cameras.camera_id")),
    Column("retention_days", Integer),
    _required("changed_by", Text),
    _required("database_user", Text, server_default=text("SESSION_USER")),
    _required("changed_at", Moment, server_default=NOW),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", BigInteger, Identity(always=True), primary_key=True),
    _required("title", Text),
    _required("opened_by", Text),
    _required("opened_at", Moment, server_default=NOW),
)

case_entries = Table(
    "case_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    _required("case_id", BigInteger, ForeignKey("cases.case_id")),
    _required("kind", Text),
    Column("event_id", UUID(as_uuid=True)),
    Column("text", Text),
    _required("author", Text),
    _required("created_at", Moment, server_default=NOW),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", BigInteger, Identity(always=True), primary_key=True),
    _required("key", UUID(as_uuid=True), server_default=func.gen_random_uuid()),
    _required("target", Text),
    _required("event_id", UUID(as_uuid=True)),
    _required("rule", Text),
    _required("camera_id", Text, ForeignKey("cameras.camera_id")),
    _required("started_at", Moment),
    _required("ended_at", Moment),
    _required("queued_at", Moment, server_default=NOW),
    _required("state", Text, server_default="waiting"),
    _required("attempts", Integer, server_default="0"),
    _required("next_try_at", Moment, server_default=NOW),
    Column("settled_at", Moment),
    Column("problem", Text),
)
