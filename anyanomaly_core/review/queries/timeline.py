"""SQL of the timeline: what each camera recorded in a span of time, what no rule has seen of it, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from anyanomaly_core.errors import StorageError

MAX_EVENTS = 2000  # drawn at once, those with the highest scores
LONGEST = timedelta(days=400)
_STEPS = 1500  # what is nearer together than the span divided by this is one stretch: a screen is not wider

_CAMERAS = text("""
    SELECT c.camera_id AS id, c.name, c.time_zone AS zone,
           EXISTS (SELECT FROM videos v JOIN video_cameras p USING (video_id) WHERE p.camera_id = c.camera_id
                   AND v.state <> 'missing' AND v.recorded_at_source LIKE 'modified%') AS dated_by_change
    FROM cameras c ORDER BY c.camera_id""")
_NEWEST = text("""
    SELECT recorded_at + make_interval(secs => coalesce(duration_s, 0)) FROM videos
    WHERE state <> 'missing' ORDER BY recorded_at DESC LIMIT 1""")
# No recording is longer than a day; the condition lets an index find those that began before.
_STRETCHES = """
WITH parts AS ({parts}), flagged AS (
    SELECT *, "begin" > max("end") OVER (
        PARTITION BY camera, kind ORDER BY "begin", "end" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) + CAST(:apart AS interval) AS starts FROM parts
), numbered AS (
    SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY camera, kind ORDER BY "begin", "end") AS number
    FROM flagged
)
SELECT camera, kind, min("begin") AS "begin", max("end") AS "end", count(*) AS files FROM numbered
GROUP BY camera, kind, number ORDER BY camera, "begin", kind"""
_RECORDED = text(
    _STRETCHES.format(
        parts="""
    SELECT p.camera_id AS camera, v.recorded_at AS "begin",
           v.recorded_at + make_interval(secs => coalesce(v.duration_s, 0)) AS "end",
           CASE WHEN v.state IN ('ready', 'damaged') THEN 'recorded' ELSE 'unreadable' END AS kind
    FROM videos v JOIN video_cameras p USING (video_id)
    WHERE v.state <> 'missing' AND p.camera_id = ANY(:cameras) AND v.recorded_at < :end
      AND v.recorded_at > CAST(:begin AS timestamptz) - interval '1 day'
      AND v.recorded_at + make_interval(secs => coalesce(v.duration_s, 0)) >= :begin"""
    )
)
_UNSEEN = text(
    _STRETCHES.format(
        parts="""
    SELECT camera, recorded_at AS "begin", recorded_at + make_interval(secs => coalesce(video_seconds, 0)) AS "end",
           CASE state WHEN 'failed' THEN 'failed' ELSE 'waiting' END AS kind
    FROM coverage
    WHERE is_current_version AND rule_state = 'active' AND state IN ('not_yet', 'failed') AND video_state <> 'missing'
      AND camera = ANY(:cameras) AND rule = ANY(:rules) AND recorded_at < :end
      AND recorded_at > CAST(:begin AS timestamptz) - interval '1 day'
      AND recorded_at + make_interval(secs => coalesce(video_seconds, 0)) >= :begin
    GROUP BY camera, recorded_at, video_seconds, kind"""
    )
)
_EVENTS = text("""
    SELECT * FROM (
        SELECT event_id, rule, camera, camera_name, started_at, ended_at, started_local, peak_score, verdict, notice,
               time_source LIKE 'modified%' AS dated_by_change, count(*) OVER () AS total
        FROM event_list
        WHERE is_current_version AND camera = ANY(:cameras) AND rule = ANY(:rules) AND started_at < :end
          AND started_at >= CAST(:begin AS timestamptz) - interval '1 day' AND ended_at >= :begin
        ORDER BY peak_score DESC LIMIT :most
    ) AS e ORDER BY started_at, event_id""")
_VIDEO_AT = text("""
    SELECT v.video_id, v.recorded_at AS "begin", v.recorded_at + make_interval(secs => v.duration_s) AS "end"
    FROM videos v JOIN video_cameras p USING (video_id)
    WHERE p.camera_id = :camera AND v.state IN ('ready', 'damaged') AND v.recorded_at <= :at
      AND v.recorded_at > CAST(:at AS timestamptz) - interval '1 day'
      AND v.recorded_at + make_interval(secs => v.duration_s) > :at
    ORDER BY v.recorded_at DESC, v.video_id LIMIT 1""")
_NEXT_BEGIN = text("""
    SELECT min(v.recorded_at) FROM videos v JOIN video_cameras p USING (video_id)
    WHERE p.camera_id = :camera AND v.state IN ('ready', 'damaged') AND v.recorded_at > :at""")


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """A span of time, some cameras and rules."""

    begin: datetime
    end: datetime
    cameras: Sequence[str]
    rules: Sequence[str]

    def values(self) -> dict[str, Any]:
        """Parameters for SQL. Raises StorageError for a span that ends before it begins, or is longer than LONGEST."""
        if not timedelta(0) < self.end - self.begin <= LONGEST:
            raise StorageError(f"A timeline spans more than no time and at most {LONGEST.days} days.")
        apart = (self.end - self.begin) / _STEPS
        named = {"begin": self.begin, "end": self.end, "cameras": list(self.cameras), "rules": list(self.rules)}
        return {**named, "apart": apart}


@dataclass(frozen=True, slots=True)
class Lanes:
    """What there is in a span."""

    stretches: Sequence[RowMapping]  # camera, kind (recorded, unreadable, waiting, failed), begin, end, files
    events: Sequence[RowMapping]
    total: int  # of events, those that are left out for want of room as well


def load_cameras(connection: Connection) -> Sequence[RowMapping]:
    """Every camera: id, name, zone, and whether some of its times are those of a file's change."""
    return connection.execute(_CAMERAS).mappings().all()


def newest_footage(connection: Connection) -> datetime | None:
    """When the newest footage ends; None without any."""
    found: datetime | None = connection.execute(_NEWEST).scalar()
    return found


def load_lanes(connection: Connection, span: TimelineSpan) -> Lanes:
    """Stretches and events that reach into the span."""
    values = span.values()
    stretches = [*connection.execute(_RECORDED, values).mappings(), *connection.execute(_UNSEEN, values).mappings()]
    events = connection.execute(_EVENTS, values | {"most": MAX_EVENTS}).mappings().all()
    return Lanes(stretches, events, events[0]["total"] if events else 0)


def video_at(connection: Connection, camera: str, at: datetime) -> RowMapping | None:
    """The video of a camera that covers a moment: id, begin, end."""
    return connection.execute(_VIDEO_AT, {"camera": camera, "at": at}).mappings().first()


def next_recording(connection: Connection, camera: str, at: datetime) -> datetime | None:
    """When the camera's next video begins after a moment."""
    found: datetime | None = connection.execute(_NEXT_BEGIN, {"camera": camera, "at": at}).scalar()
    return found
