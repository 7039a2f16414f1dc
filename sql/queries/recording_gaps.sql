-- When did a camera record nothing?
-- :longer_than interval = interval '1 minute'  -- shorter gaps are not shown
SELECT camera_id AS camera, ended_at AS gap_from, next_at AS gap_until, next_at - ended_at AS length,
       ended_source AS from_time_source, next_source AS until_time_source
FROM (
    SELECT p.camera_id, recorded_at + make_interval(secs => coalesce(duration_s, 0)) AS ended_at,
           recorded_at_source AS ended_source, lead(recorded_at) OVER next_one AS next_at,
           lead(recorded_at_source) OVER next_one AS next_source
    FROM videos JOIN video_cameras p USING (video_id)
    WHERE state <> 'missing'
    WINDOW next_one AS (PARTITION BY p.camera_id ORDER BY recorded_at)
) AS recordings
WHERE next_at - ended_at > :longer_than
ORDER BY camera, gap_from;
