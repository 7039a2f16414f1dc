"""Who works on what now, whichever host it runs on: the leases of units of work."""

from sqlalchemy import Engine

from anyanomaly_core.results.queries import QueryResult, run_sql

_WORK = """
SELECT holder AS worker, v.camera_id AS camera, v.uri AS file, s.profile_name AS profile,
       round(extract(epoch FROM now() - l.taken_at)) AS seconds,
       count(j.batch_id) AS batches_in_journal,
       CASE WHEN now() - l.renewed_at > make_interval(secs => %(lasts)s)
            THEN 'silent for ' || round(extract(epoch FROM now() - l.renewed_at)) || ' s; another worker may take over'
            ELSE 'working' END AS state
FROM unit_leases l JOIN videos v USING (video_id) JOIN scorers s USING (scorer_id)
LEFT JOIN unit_journal j USING (video_id, scorer_id)
GROUP BY holder, v.camera_id, v.uri, s.profile_name, l.taken_at, l.renewed_at
ORDER BY holder, l.taken_at"""
_BACKLOG = """
SELECT round((coalesce(sum(seconds), 0) / 3600)::numeric, 2)
FROM coverage WHERE is_current_version AND state = 'not_yet'"""


def current_work(engine: Engine, *, lease_s: float) -> QueryResult:
    """A row for every video that somebody scores, and whether its worker was heard of within ``lease_s``."""
    return run_sql(engine, _WORK, {"lasts": lease_s})


def backlog_hours(engine: Engine) -> float:
    """Hours of footage, counted once for each rule, that have no scores yet."""
    return float(run_sql(engine, _BACKLOG, {}).rows[0][0])
