"""What a run brought, in few words: footage by camera, events by rule and camera. It travels with Airflow's assets."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

_FOOTAGE = text("""
SELECT v.camera_id, count(DISTINCT v.video_id) AS videos,
       array_agg(DISTINCT to_char(v.recorded_at AT TIME ZONE c.time_zone, 'YYYY-MM-DD')) AS days
FROM video_files f JOIN videos v USING (video_id) JOIN cameras c ON c.camera_id = v.camera_id
WHERE f.uri = ANY(:uris) GROUP BY v.camera_id""")
_SCORED = text("""
SELECT count(DISTINCT u.video_id) AS videos, array_agg(DISTINCT r.name ORDER BY r.name) AS rules
FROM units u JOIN scorings s USING (scoring_id) JOIN rules r USING (rule_id) WHERE u.run_id = :run""")
_EVENTS = text("""
SELECT r.name AS rule, e.camera_id AS camera, count(DISTINCT e.event_id) AS events,
       max(e.peak_score)::double precision AS highest
FROM units u
JOIN scorings s USING (scoring_id)
JOIN rules r USING (rule_id)
JOIN rule_versions rv ON rv.rule_id = r.rule_id AND rv.version = r.current_version AND rv.scoring_id = u.scoring_id
CROSS JOIN LATERAL (
    SELECT event_id FROM events WHERE (video_id, rule_version_id) = (u.video_id, rv.rule_version_id)
    UNION SELECT event_id FROM event_parts WHERE (video_id, rule_version_id) = (u.video_id, rv.rule_version_id)
) AS its
JOIN events e ON (e.event_id, e.rule_version_id, e.scorer_id) = (its.event_id, rv.rule_version_id, u.scorer_id)
WHERE u.run_id = :run GROUP BY r.name, e.camera_id ORDER BY r.name, e.camera_id""")


def footage_of_files(connection: Connection, uris: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Camera -> ``videos`` and ``days`` (yyyy-mm-dd by the camera's own time zone) that these files hold."""
    found = connection.execute(_FOOTAGE, {"uris": list(uris)})
    return {row.camera_id: {"videos": row.videos, "days": sorted(row.days)} for row in found}


def scores_of_run(connection: Connection, run_id: int) -> dict[str, Any]:
    """``videos`` that a run committed, and the ``rules`` that it scored them for."""
    row = connection.execute(_SCORED, {"run": run_id}).one()
    return {"run": run_id, "videos": row.videos, "rules": row.rules or []}


def events_of_run(connection: Connection, run_id: int) -> dict[str, Any]:
    """``events`` that current rule versions have in the videos of a run, the ``highest`` peak, and both by rule."""
    rows = connection.execute(_EVENTS, {"run": run_id}).all()
    by_rule: dict[str, dict[str, int]] = {}
    for row in rows:
        by_rule.setdefault(row.rule, {})[row.camera] = row.events
    highest = max((row.highest for row in rows), default=None)
    return {"run": run_id, "events": sum(row.events for row in rows), "highest": highest, "rules": by_rule}
