"""SQL of an event's page: the event, its score curve, other events nearby, and its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.errors import StorageError

BEFORE_S = AFTER_S = 3.0  # of the clip and the curve
_NEARBY = timedelta(minutes=10)
_MAX_NEARBY = 12

_EVENT = text("""
    SELECT l.*, c.time_zone, v.recorded_at, f.video_ids, f.ends_at AS footage_ends_at,
           coalesce(k.video_id, l.video_id) AS peak_video_id, coalesce(k.peak_frame, l.peak_frame) AS frame_of_peak,
           coalesce(k.segment_index, l.segment_index) AS segment_of_peak,
           left(l.rationale, 2001) AS shown_rationale, length(l.rationale) AS rationale_length, rv.threshold,
           rv.definition ->> 'description' AS description
    FROM event_list l
    JOIN cameras c ON c.camera_id = l.camera
    JOIN videos v USING (video_id)
    JOIN rules r ON r.name = l.rule
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, l.version)
    CROSS JOIN LATERAL (
        SELECT array_agg(o.video_id) AS video_ids, max(o.recorded_at + make_interval(secs => o.duration_s)) AS ends_at
        FROM videos o WHERE o.video_id = l.video_id OR o.video_id IN (
            SELECT p.video_id FROM event_parts p
            WHERE (p.event_id, p.rule_version_id) = (l.event_id, rv.rule_version_id))
    ) AS f
    LEFT JOIN LATERAL (
        SELECT p.video_id, p.peak_frame, p.segment_index FROM event_parts p
        WHERE (p.event_id, p.rule_version_id) = (l.event_id, rv.rule_version_id)
        ORDER BY p.peak_score DESC, p.started_at LIMIT 1
    ) AS k ON true
    WHERE l.event_id = :event AND (CAST(:version AS integer) IS NULL OR l.version = :version)
    ORDER BY l.is_current_version DESC, l.version DESC LIMIT 1""")
_CURVE = text("""
    SELECT extract(epoch FROM frame_at - :begin)::double precision AS at_s, score, status, reason
    FROM frame_scores_history
    WHERE video_id = ANY(CAST(:videos AS bigint[])) AND camera = :camera AND rule = :rule AND version = :version
      AND segment_started_at >= :begin - interval '10 minutes' AND segment_started_at < :end
      AND frame_at >= :begin AND frame_at <= :end
    ORDER BY frame_at, frame""")
_NEARBY_EVENTS = text("""
    SELECT event_id, rule, started_local, started_at, duration_s, peak_score, verdict, camera, notice,
           time_source LIKE 'modified%' AS dated_by_change
    FROM event_list
    WHERE is_current_version AND camera = :camera AND event_id <> :event
      AND started_at >= :begin AND started_at < :end
    ORDER BY abs(extract(epoch FROM started_at - :at)) LIMIT :most""")
_ELSEWHERE = text("""
    SELECT DISTINCT ON (c.camera_id) c.camera_id, c.name, v.video_id,
           extract(epoch FROM CAST(:at AS timestamptz) - v.recorded_at)::double precision AS second,
           v.recorded_at_source LIKE 'modified%' AS dated_by_change
    FROM videos v JOIN video_cameras p USING (video_id) JOIN cameras c ON c.camera_id = p.camera_id
    WHERE v.recorded_at <= :at AND v.recorded_at > CAST(:at AS timestamptz) - interval '1 day'
      AND v.recorded_at + make_interval(secs => v.duration_s) > :at
      AND v.state IN ('ready', 'damaged') AND p.camera_id <> :camera
    ORDER BY c.camera_id, v.recorded_at DESC LIMIT 24""")
_SEGMENT = text("""
    SELECT score, key_score, position_score, temporal_score
    FROM segment_results
    WHERE video_id = :video AND rule = :rule AND version = :version AND segment_index = :segment
      AND started_at >= :begin - interval '10 minutes' AND started_at <= :end LIMIT 1""")
_PROVENANCE = text("""
    SELECT rv.digest AS rule_digest, rv.author, rv.created_at AS rule_created_at, s.profile_name,
           s.digest AS scorer, s.revisions, s.code_version, run.kind AS run_kind, run.external_id AS airflow_run,
           u.finished_at AS scored_at, v.uri, v.content_sha256, v.recorded_at,
           v.recorded_at_source, v.recorded_at_source LIKE 'modified%' AS dated_by_change,
           v.codec, v.width, v.height, v.decoder, v.state
    FROM events e
    JOIN rule_versions rv USING (rule_version_id)
    JOIN rules r USING (rule_id)
    JOIN scorers s USING (scorer_id)
    JOIN videos v USING (video_id)
    LEFT JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (e.video_id, rv.scoring_id, e.scorer_id)
    LEFT JOIN scan_runs run USING (run_id)
    WHERE e.event_id = :event AND rv.version = :version""")

_VERSION = {"videos": "video_ids", "video": "peak_video_id", "camera": "camera", "rule": "rule", "version": "version"}


@dataclass(frozen=True, slots=True)
class EventCurve:
    """Frame scores around an event, over the span that its clip shows."""

    begin: datetime
    length_s: float
    at_s: list[float]  # [F], from begin
    scores: list[float | None]  # [F], None where there is none
    reasons: list[str]  # distinct reasons for gaps


def load_event(connection: Connection, event_id: UUID, version: int | None = None) -> RowMapping:
    """The event in the rule's current version, or else the newest that found it; raises StorageError if none did."""
    found = connection.execute(_EVENT, {"event": event_id, "version": version}).mappings().first()
    if found is None:
        raise StorageError(f"There is no event {event_id}. Its footage may have been scored again, or expired.")
    return found


def load_curve(connection: Connection, event: RowMapping) -> EventCurve:
    """The scores of every frame from some seconds before to some after, as far as its files reach."""
    begin = max(event["recorded_at"], event["started_at"] - timedelta(seconds=BEFORE_S))
    end = min(event["footage_ends_at"], event["ended_at"] + timedelta(seconds=AFTER_S))
    rows = connection.execute(_CURVE, {**_version(event), "begin": begin, "end": end}).all()
    reasons = sorted({f"{row.status}: {row.reason}" for row in rows if row.score is None and row.reason})
    return EventCurve(
        begin, (end - begin).total_seconds(), [row.at_s for row in rows], [row.score for row in rows], reasons[:3]
    )


def nearby_events(connection: Connection, event: RowMapping) -> Sequence[RowMapping]:
    """Other events of this camera within minutes, of any rule, in time's order."""
    values = {
        "camera": event["camera"],
        "event": event["event_id"],
        "at": event["started_at"],
        "begin": event["started_at"] - _NEARBY,
        "end": event["ended_at"] + _NEARBY,
        "most": _MAX_NEARBY,
    }
    found = connection.execute(_NEARBY_EVENTS, values).mappings().all()
    return sorted(found, key=lambda row: row["started_at"])


def other_cameras(connection: Connection, event: RowMapping) -> Sequence[RowMapping]:
    """Cameras that recorded at the event's peak: the video, and how many seconds into it."""
    return connection.execute(_ELSEWHERE, {"at": event["peak_at"], "camera": event["camera"]}).mappings().all()


def load_segment(connection: Connection, event: RowMapping) -> RowMapping | None:
    """The segment of the peak: what each context scored."""
    values = {**_version(event), "segment": event["segment_of_peak"]}
    values |= {"begin": event["started_at"], "end": event["ended_at"]}
    return connection.execute(_SEGMENT, values).mappings().first()


def load_provenance(connection: Connection, event: RowMapping) -> RowMapping:
    """Rule version, models, code, run and footage behind the event."""
    values = {"event": event["event_id"], "version": event["version"]}
    return connection.execute(_PROVENANCE, values).mappings().one()


def _version(event: RowMapping) -> dict[str, Any]:
    return {name: event[column] for name, column in _VERSION.items()}
