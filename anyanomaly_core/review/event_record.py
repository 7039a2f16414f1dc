"""An event with everything that clips, stills and evidence need of it, read at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.schema import events, rule_versions, rules, units
from anyanomaly_core.results.segment_store import VideoSegments, load_layout


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event of one rule version: the current one if it has the event, otherwise the newest that has it."""

    event_id: UUID
    rule: str
    version: int
    rule_version_id: int
    scoring_id: int
    scorer_id: int
    video: StoredVideo
    segments: VideoSegments  # of the video, in the layout that was scored
    first_frame: int
    last_frame: int
    started_at: datetime
    ended_at: datetime
    peak_frame: int
    peak_at: datetime
    peak_score: float
    mean_score: float
    segment_index: int  # that the peak lies in
    winning_text: str | None
    rationale: str | None


def load_event_record(engine: Engine, event_id: UUID) -> EventRecord:
    """The event. Raises StorageError if there is none of this id, as after a backfill that moved its peak."""
    with engine.connect() as connection:
        return _load(connection, event_id)


def _load(connection: Connection, event_id: UUID) -> EventRecord:
    e, u = events.c, units.c
    row = (
        connection.execute(
            select(events, rules.c.name, rule_versions.c.version, rule_versions.c.scoring_id)
            .add_columns(u.layout_id)
            .join(rule_versions, rule_versions.c.rule_version_id == e.rule_version_id)
            .join(rules, rules.c.rule_id == rule_versions.c.rule_id)
            .join(
                units,
                (u.video_id == e.video_id)
                & (u.scoring_id == rule_versions.c.scoring_id)
                & (u.scorer_id == e.scorer_id),
            )
            .where(e.event_id == event_id)
            .order_by((rule_versions.c.version == rules.c.current_version).desc(), rule_versions.c.version.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    if row is None:
        raise StorageError(f"There is no event {event_id}; it may have moved when its footage was scored again.")
    video = load_video(connection, row["video_id"])
    return EventRecord(
        rule=row["name"],
        video=video,
        segments=load_layout(connection, video.video_id, row["layout_id"]),
        **{name: row[name] for name in _COPIED},
    )


_COPIED = (
    "event_id", "version", "rule_version_id", "scoring_id", "scorer_id", "first_frame", "last_frame", "started_at",
    "ended_at", "peak_frame", "peak_at", "peak_score", "mean_score", "segment_index", "winning_text", "rationale",
)  # fmt: skip
