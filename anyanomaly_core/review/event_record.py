"""An event with everything that clips, stills and evidence need of it, read at once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, select

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.schema import event_parts, events, rule_versions, rules, units
from anyanomaly_core.results.segment_store import VideoSegments, load_layout


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event of one rule version: the current one if it has the event, otherwise the newest that has it.

    Of an event in several files it is what one of them has: its own frames, times and peak, but the mean of the whole.
    """

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
    files: int = 1  # that the event lies in


def load_event_record(engine: Engine, event_id: UUID) -> EventRecord:
    """The event, in the file of its peak. Raises StorageError as ``load_event_records``."""
    return max(load_event_records(engine, event_id), key=lambda record: record.peak_score)


def load_event_records(engine: Engine, event_id: UUID) -> tuple[EventRecord, ...]:
    """The event in each of its files, in order.

    Raises StorageError if there is none of this id, as after a backfill that moved its peak.
    """
    with engine.connect() as connection:
        event = _load(connection, event_id)
        p, u = event_parts.c, units.c
        parts = connection.execute(
            select(event_parts, u.layout_id)
            .join(
                units,
                (u.video_id == p.video_id) & (u.scoring_id == event.scoring_id) & (u.scorer_id == p.scorer_id),
            )
            .where(p.event_id == event_id, p.rule_version_id == event.rule_version_id)
            .order_by(p.started_at)
        ).mappings()
        records = tuple(_part(connection, event, part) for part in parts.all())
    return tuple(replace(record, files=len(records)) for record in records) or (event,)


def _part(connection: Connection, event: EventRecord, part: RowMapping) -> EventRecord:
    video = load_video(connection, part["video_id"])
    segments = load_layout(connection, video.video_id, part["layout_id"])
    peak_at = video.recorded_at + timedelta(seconds=float(segments.times_s()[part["peak_frame"]]))
    own = {name: part[name] for name in _OF_PART}
    return replace(event, video=video, segments=segments, peak_at=peak_at, **own)


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


_OF_PART = (
    "scorer_id",
    "first_frame",
    "last_frame",
    "started_at",
    "ended_at",
    "peak_frame",
    "peak_score",
    "segment_index",
)
_COPIED = (
    "event_id", "version", "rule_version_id", "scoring_id", "scorer_id", "first_frame", "last_frame", "started_at",
    "ended_at", "peak_frame", "peak_at", "peak_score", "mean_score", "segment_index", "winning_text", "rationale",
)  # fmt: skip
