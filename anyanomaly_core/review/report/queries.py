"""SQL of the morning report: statements with ``:begin`` and ``:end`` of the night."""

NEWEST = "SELECT max(recorded_at + make_interval(secs => coalesce(duration_s, 0))) FROM videos WHERE state <> 'missing'"

HITS = """
SELECT event_id, rule, version, camera, camera_name, started_at, ended_at, started_local, ended_local, duration_s,
       peak_score, winning_text, rationale, uri, verdict, notice,
       time_source LIKE 'modified%' AS dated_by_change
FROM event_list
WHERE is_current_version AND started_at >= :begin AND started_at < :end
ORDER BY peak_score DESC, started_at, event_id"""

LATE = """
SELECT count(DISTINCT (e.event_id, e.rule_version_id))
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r ON (r.rule_id, r.current_version) = (rv.rule_id, rv.version)
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (e.video_id, rv.scoring_id, e.scorer_id)
WHERE u.finished_at >= :begin AND u.finished_at < :end AND e.started_at < :begin"""

CAMERAS = """
SELECT c.camera_id, c.name, c.time_zone
FROM cameras c
WHERE EXISTS (SELECT FROM videos v JOIN video_cameras p USING (video_id)
              WHERE p.camera_id = c.camera_id AND v.state <> 'missing' AND v.recorded_at < :end
              AND v.recorded_at > CAST(:begin AS timestamptz) - interval '7 days')
ORDER BY c.camera_id"""

# No recording is longer than a day; the condition lets an index find those that began before the night.
FOOTAGE = """
SELECT p.camera_id AS camera, state::text AS state,
       greatest(recorded_at, :begin) AS begin,
       least(recorded_at + make_interval(secs => coalesce(duration_s, 0)), :end) AS end,
       recorded_at_source LIKE 'modified%' AS dated_by_change
FROM videos JOIN video_cameras p USING (video_id)
WHERE state <> 'missing' AND recorded_at < :end AND recorded_at > CAST(:begin AS timestamptz) - interval '1 day'
  AND recorded_at + make_interval(secs => coalesce(duration_s, 0)) >= :begin
ORDER BY p.camera_id, recorded_at"""

PROBLEMS = """
SELECT p.uri, p.camera, p.recorded_at, p.state, left(p.problem, 400) AS problem,
       coalesce(v.recorded_at_source LIKE 'modified%', false) AS dated_by_change
FROM footage_problems p
JOIN video_files f USING (uri)
LEFT JOIN videos v USING (video_id)
WHERE (p.recorded_at >= :begin AND p.recorded_at < :end)
   OR (p.recorded_at IS NULL AND p.seen_at >= :begin AND p.seen_at < :end)
ORDER BY state, uri"""

FAILED = """
SELECT r.name AS rule, v.camera_id AS camera, v.uri, v.recorded_at, u.state::text AS state, u.attempts,
       u.segments_failed, u.seconds_failed, left(u.last_error, 400) AS reason,
       v.recorded_at_source LIKE 'modified%' AS dated_by_change
FROM units u
JOIN videos v USING (video_id)
JOIN scorings g USING (scoring_id)
JOIN rules r USING (rule_id)
WHERE u.is_current AND u.state <> 'done' AND v.recorded_at >= :begin AND v.recorded_at < :end
ORDER BY u.seconds_failed DESC, v.uri, r.name"""

COVERAGE = """
SELECT rule, version, state, sum(seconds) AS seconds, count(DISTINCT video_id) AS videos,
       min(left(reason, 200)) AS reason
FROM coverage
WHERE is_current_version AND rule_state = 'active' AND recorded_at >= :begin AND recorded_at < :end
GROUP BY rule, version, state
ORDER BY rule, state"""

COST = """
SELECT r.name AS rule, s.profile_name AS profile, s.notice, count(DISTINCT u.video_id) AS videos,
       sum(u.segments_scored + u.segments_failed) AS segments, sum(u.work_ms) / 1000 AS scorer_s,
       sum(v.duration_s) AS footage_s
FROM units u
JOIN videos v USING (video_id)
JOIN scorings g USING (scoring_id)
JOIN rules r USING (rule_id)
JOIN scorers s USING (scorer_id)
WHERE v.recorded_at >= :begin AND v.recorded_at < :end
GROUP BY r.name, s.profile_name, s.notice
ORDER BY scorer_s DESC, rule"""

RUNS = """
SELECT kind, external_id, started_at, finished_at, outcome
FROM scan_runs
WHERE (started_at >= :begin AND started_at < :end)
   OR run_id IN (SELECT u.run_id FROM units u JOIN videos v USING (video_id)
                 WHERE v.recorded_at >= :begin AND v.recorded_at < :end)
ORDER BY started_at"""
