"""SQL of a day: where each camera has footage, where it was scored, how high, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

BIN_S = 300

_DAYS = text("""
    SELECT DISTINCT (v.recorded_at AT TIME ZONE c.time_zone)::date AS day
    FROM videos v JOIN cameras c USING (camera_id) WHERE v.state <> 'missing' ORDER BY day DESC LIMIT 60""")
_CAMERAS = text("""
    SELECT camera_id, name, time_zone FROM cameras WHERE :all OR camera_id = ANY(:some) ORDER BY camera_id""")
_RULES_OF = text("""
    SELECT r.name, rv.threshold FROM rules r
    JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version)
    WHERE r.name = ANY(:rules) AND glob_matches(:camera, rv.cameras) ORDER BY r.name""")
_FOOTAGE = text("""
    SELECT v.recorded_at AS begin, v.recorded_at + make_interval(secs => coalesce(v.duration_s, 0)) AS end,
           v.state::text, left(v.error, 300) AS error, v.uri,
           v.recorded_at_source LIKE 'modified%' AS dated_by_change
    FROM videos v JOIN video_cameras p USING (video_id)
    WHERE p.camera_id = :camera AND v.recorded_at < :end AND v.recorded_at > :begin - interval '1 day'
      AND v.recorded_at + make_interval(secs => coalesce(v.duration_s, 0)) >= :begin
    ORDER BY begin""")
# By bin, status and scores only where they count: a bin of five minutes holds dozens of segments.
_SCORES = text("""
    SELECT s.rule, s.status::text AS status, min(s.started_at) AS begin, max(s.ended_at) AS end, max(s.peak) AS peak
    FROM segment_results s
    WHERE s.is_current_version AND s.camera = :camera AND s.rule = ANY(:rules)
      AND s.started_at >= :begin - interval '10 minutes' AND s.started_at < :end AND s.ended_at > :begin
      AND s.video_id = ANY(SELECT video_id FROM videos v JOIN video_cameras p USING (video_id)
                           WHERE p.camera_id = :camera AND v.recorded_at < :end
                             AND v.recorded_at > :begin - interval '1 day')
    GROUP BY s.rule, s.status, s.video_id, floor(extract(epoch FROM s.started_at) / :bin)
    ORDER BY begin""")
_EVENTS = text("""
    SELECT event_id, rule, started_at, ended_at, peak_score, verdict,
           (SELECT v.recorded_at_source LIKE 'modified%' FROM videos v WHERE v.video_id = event_list.video_id)
               AS dated_by_change
    FROM event_list
    WHERE is_current_version AND camera = :camera AND rule = ANY(:rules) AND started_at >= :begin AND started_at < :end
    ORDER BY started_at""")
_NOTICES = text("""
    SELECT DISTINCT s.notice
    FROM units u
    JOIN videos v USING (video_id)
    JOIN video_cameras p USING (video_id)
    JOIN scorers s USING (scorer_id)
    JOIN rule_versions rv USING (scoring_id)
    JOIN rules r ON (r.rule_id, r.current_version) = (rv.rule_id, rv.version)
    WHERE u.is_current AND s.notice IS NOT NULL AND p.camera_id = :camera AND r.name = ANY(:rules)
      AND v.recorded_at < :end AND v.recorded_at > :begin - interval '1 day'""")


@dataclass(frozen=True, slots=True)
class DaySpan:
    """A span of time of a camera."""

    begin: datetime
    end: datetime
    kind: str  # of footage: its state; of scores: scored, carried, pruned, failed
    peak: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class DayEvent:
    """An event of the day."""

    event_id: str
    begin: datetime
    end: datetime
    peak: float
    verdict: str | None
    dated_by_change: bool = False  # its time is that of the file's last change


@dataclass(frozen=True, slots=True)
class RuleStrip:
    """One rule's day on one camera."""

    rule: str
    threshold: float
    spans: list[DaySpan] = field(default_factory=list)
    events: list[DayEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CameraDay:
    """A camera's day, from one local midnight to the next: 23 to 25 hours."""

    camera: str
    name: str
    zone: str
    begin: datetime
    end: datetime
    footage: list[DaySpan]
    strips: list[RuleStrip]
    dated_by_change: bool = False  # of some of its footage
    notices: tuple[str, ...] = ()  # what must be said of the scores


def days_with_footage(connection: Connection) -> Sequence[date]:
    """The newest days that have any, newest first."""
    return connection.execute(_DAYS).scalars().all()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Local midnights around a day, in UTC."""
    midnight = datetime.min.time()
    ends = (datetime.combine(d, midnight, ZoneInfo(zone)) for d in (day, day + timedelta(days=1)))
    begin, end = (moment.astimezone(UTC) for moment in ends)
    return begin, end


def load_day(connection: Connection, day: date, cameras: Sequence[str], rules: Sequence[str]) -> list[CameraDay]:
    """The cameras that have footage on this day, by id. Cameras that are named are there in any case."""
    found = connection.execute(_CAMERAS, {"all": not cameras, "some": list(cameras)}).all()
    days = [_camera_day(connection, day, camera, rules) for camera in found]
    return [one for one in days if one.footage or cameras]


def _camera_day(connection: Connection, day: date, camera: Row[Any], rules: Sequence[str]) -> CameraDay:
    begin, end = day_bounds(day, camera.time_zone)
    asked = {"camera": camera.camera_id, "rules": list(rules), "begin": begin, "end": end, "bin": BIN_S}
    recordings = connection.execute(_FOOTAGE, asked).all()
    footage = [DaySpan(row.begin, row.end, row.state, None, row.error or row.uri) for row in recordings]
    strips = {row.name: RuleStrip(row.name, row.threshold) for row in connection.execute(_RULES_OF, asked)}
    notices: list[str] = []
    if strips and footage:
        notices += connection.execute(_NOTICES, asked).scalars()
        for row in connection.execute(_SCORES, asked):
            strips[row.rule].spans.append(DaySpan(row.begin, row.end, row.status, row.peak))
        for row in connection.execute(_EVENTS, asked):
            if row.rule in strips:  # not an old event of a rule that no longer looks at this camera
                times = row.started_at, row.ended_at
                event = DayEvent(str(row.event_id), *times, row.peak_score, row.verdict, row.dated_by_change)
                strips[row.rule].events.append(event)
    return CameraDay(
        camera=camera.camera_id,
        name=camera.name,
        zone=camera.time_zone,
        begin=begin,
        end=end,
        footage=footage,
        strips=list(strips.values()),
        dated_by_change=any(row.dated_by_change for row in recordings),
        notices=tuple(sorted(notices)),
    )
