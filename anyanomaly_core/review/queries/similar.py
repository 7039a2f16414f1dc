"""SQL of the page of similar events: which events lie in footage that a search found."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.results.searches import FoundSegment

_EVENTS = text("""
    SELECT * FROM (
        SELECT DISTINCT ON (l.event_id) l.event_id, l.rule, l.camera_name, l.started_local, l.peak_score, l.verdict,
               l.notice, l.time_source LIKE 'modified%' AS dated_by_change, s.similarity
        FROM unnest(CAST(:videos AS bigint[]), CAST(:began AS timestamptz[]), CAST(:ended AS timestamptz[]),
                    CAST(:similarities AS double precision[])) AS s(video_id, began, ended, similarity)
        JOIN event_list l ON l.video_id = s.video_id AND l.started_at < s.ended AND l.ended_at > s.began
        WHERE l.is_current_version AND l.event_id <> :event
        ORDER BY l.event_id, s.similarity DESC) AS found
    ORDER BY similarity DESC, event_id LIMIT :most""")
_SAME_PLACE = text("""
    SELECT event_id, rule, camera_name, started_local, peak_score, verdict, notice,
           time_source LIKE 'modified%' AS dated_by_change, NULL::double precision AS similarity
    FROM event_list WHERE is_current_version AND rule = :rule AND camera = :camera AND event_id <> :event
    ORDER BY peak_score DESC, event_id LIMIT :most""")
_WITHOUT = text("""
    SELECT s.place FROM unnest(CAST(:videos AS bigint[]), CAST(:began AS timestamptz[]), CAST(:ended AS timestamptz[]))
        WITH ORDINALITY AS s(video_id, began, ended, place)
    WHERE NOT EXISTS (SELECT FROM events e WHERE e.video_id = s.video_id AND e.started_at < s.ended
                      AND e.ended_at > s.began)
    ORDER BY s.place LIMIT :most""")
_BEGINS = text("""
    SELECT v.video_id, v.recorded_at, c.time_zone, v.recorded_at_source LIKE 'modified%' AS dated_by_change
    FROM videos v JOIN cameras c USING (camera_id) WHERE v.video_id = ANY(:videos)""")


def events_in(
    connection: Connection, segments: Sequence[FoundSegment], event_id: UUID, most: int = 48
) -> Sequence[RowMapping]:
    """Events that these segments are part of, the most similar first, without the one that was asked for."""
    values = {**_arrays(segments), "event": event_id, "most": most}
    values["similarities"] = [segment.similarity for segment in segments]
    return connection.execute(_EVENTS, values).mappings().all()


def without_event(connection: Connection, segments: Sequence[FoundSegment], most: int = 12) -> list[dict[str, Any]]:
    """Segments in which no rule found anything, with second in the file and local time of their picture."""
    places = connection.execute(_WITHOUT, {**_arrays(segments), "most": most}).scalars()
    found = [segments[place - 1] for place in places]
    rows = connection.execute(_BEGINS, {"videos": [segment.video_id for segment in found]}).mappings()
    begins = {row["video_id"]: row for row in rows}
    return [
        {
            "segment": segment,
            "second": (segment.started_at - begins[segment.video_id]["recorded_at"]).total_seconds(),
            **begins[segment.video_id],
        }
        for segment in found
        if segment.video_id in begins
    ]


def same_place(connection: Connection, event: RowMapping, most: int = 48) -> Sequence[RowMapping]:
    """What the same rule found on the same camera, the highest score first."""
    values = {"rule": event["rule"], "camera": event["camera"], "event": event["event_id"], "most": most}
    return connection.execute(_SAME_PLACE, values).mappings().all()


def _arrays(segments: Sequence[FoundSegment]) -> dict[str, Any]:
    return {
        "videos": [segment.video_id for segment in segments],
        "began": [segment.started_at for segment in segments],
        "ended": [segment.ended_at for segment in segments],
    }
