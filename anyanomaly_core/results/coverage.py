"""The ledger as tables: what became of every second of footage, and whether the seconds add up."""

from typing import Literal

from sqlalchemy import Engine

from anyanomaly_core.results.names import require_cameras, require_rules
from anyanomaly_core.results.queries import QueryResult, run_sql

Grouping = Literal["rule", "camera", "day", "file"]

_DAY = "(c.recorded_at AT TIME ZONE time_zone)::date"
_COLUMNS: dict[Grouping, str] = {
    "rule": "",
    "camera": "c.camera, ",
    "day": f"c.camera, {_DAY} AS day, ",
    "file": "c.camera, c.uri, ",
}
_GROUPS: dict[Grouping, str] = {
    "rule": "",
    "camera": ", c.camera",
    "day": f", c.camera, {_DAY}",
    "file": ", c.camera, c.uri",
}
_TABLE = """
SELECT rule, version, {columns}c.state, count(DISTINCT c.video_id) AS videos, sum(segments) AS segments,
       round(sum(seconds)::numeric, 1) AS seconds_of_footage, max(attempts) AS attempts,
       CASE WHEN bool_or(v.recorded_at_source LIKE 'modified%%') THEN 'change of file' END AS time_from,
       min(reason) AS reason
FROM coverage c JOIN cameras ON camera_id = c.camera JOIN videos v USING (video_id)
WHERE (is_current_version OR %(all_versions)s)
  AND (CAST(%(rule)s AS text) IS NULL OR rule = %(rule)s)
  AND (CAST(%(cameras)s AS text[]) IS NULL OR c.camera = ANY(CAST(%(cameras)s AS text[])))
  AND (NOT %(unfinished)s OR c.state IN ('failed', 'not_yet'))
GROUP BY rule, version{groups}, c.state
ORDER BY rule, version{groups}, c.state"""
# The ledger against the archive: a row for every video, camera of it and rule version that looks there, adding up to
# the video's length.
_WRONG = """
SELECT r.name AS rule, v.version, w.uri, coalesce(w.duration_s, 0) AS seconds_of_video,
       sum(c.seconds) AS seconds_in_ledger
FROM rule_versions v
JOIN rules r USING (rule_id)
JOIN video_cameras p ON glob_matches(p.camera_id, v.cameras)
JOIN videos w ON w.video_id = p.video_id
LEFT JOIN coverage c ON (c.rule_version_id, c.video_id, c.camera) = (v.rule_version_id, w.video_id, p.camera_id)
GROUP BY r.name, v.version, w.video_id, p.camera_id, w.uri, w.duration_s
HAVING sum(c.seconds) IS NULL OR abs(sum(c.seconds) - coalesce(w.duration_s, 0)) > 0.001
ORDER BY 1, 2, 3"""
_BOUNDS = """
SELECT rule, version, profile, videos, judged_by_rank, judged_for_motion, pruned, audited, audited_failed, audited_hits,
       missed_share_bound, missed_segments_bound
FROM cascade_bounds
WHERE (is_current_version OR %(all_versions)s) AND (CAST(%(rule)s AS text) IS NULL OR rule = %(rule)s)
ORDER BY rule, version, profile"""
_SIZE = """
SELECT count(DISTINCT rule_version_id) AS versions, count(DISTINCT video_id) AS videos,
       coalesce(round(sum(seconds)::numeric, 1), 0) AS seconds
FROM coverage"""


def coverage_table(
    engine: Engine,
    *,
    by: Grouping = "rule",
    rule: str | None = None,
    camera: str | None = None,
    unfinished: bool = False,
    all_versions: bool = False,
) -> QueryResult:
    """Videos, segments and seconds in each state, by rule and, if asked, by camera, day or file.

    Args:
        engine: a reader's rights are enough.
        by: how fine the table is.
        rule: only this one.
        camera: only this id or pattern.
        unfinished: only what failed or was not done yet.
        all_versions: earlier versions of rules as well.

    Raises:
        RuleError: when there is no such rule.
        ConfigurationError: when there is no such camera.
    """
    with engine.connect() as connection:
        if rule is not None:
            require_rules(connection, [rule])
        cameras = None if camera is None else require_cameras(connection, [camera])
    chosen = {"rule": rule, "cameras": cameras, "unfinished": unfinished, "all_versions": all_versions}
    return run_sql(engine, _TABLE.format(columns=_COLUMNS[by], groups=_GROUPS[by]), chosen)


def cascade_table(engine: Engine, *, rule: str | None = None, all_versions: bool = False) -> QueryResult:
    """What cascades left out of each rule, and at most how much they missed. Raises RuleError for an unknown rule."""
    if rule is not None:
        with engine.connect() as connection:
            require_rules(connection, [rule])
    return run_sql(engine, _BOUNDS, {"rule": rule, "all_versions": all_versions})


def ledger_errors(engine: Engine) -> QueryResult:
    """Videos whose seconds in the ledger do not add up to their length; none, unless the ledger is wrong."""
    return run_sql(engine, _WRONG)


def ledger_size(engine: Engine) -> tuple[int, int, float]:
    """Rule versions, videos, and seconds of footage counted once for each rule version."""
    [(versions, videos, seconds)] = run_sql(engine, _SIZE).rows
    return int(versions), int(videos), float(seconds)
