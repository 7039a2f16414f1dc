-- Where did two rules find something within minutes of each other, on the same or on another camera?
-- :first text = (SELECT min(name) FROM rules)  -- name of one rule
-- :second text = (SELECT max(name) FROM rules)  -- name of the other
-- :within interval = interval '5 minutes'  -- from the end of one event to the start of the other
-- :same_camera boolean = true  -- false: anywhere on the site
SELECT a.camera_name AS first_camera, b.camera_name AS second_camera, a.started_local AS first_start,
       b.started_local AS second_start, a.peak_score AS first_peak, b.peak_score AS second_peak,
       greatest(a.started_at - b.ended_at, b.started_at - a.ended_at, interval '0') AS apart,
       a.time_source AS first_time_source, b.time_source AS second_time_source,
       a.event_id AS first_event, b.event_id AS second_event
FROM event_list a
JOIN event_list b ON a.started_at <= b.ended_at + :within AND b.started_at <= a.ended_at + :within
                 AND (a.camera = b.camera OR NOT :same_camera)
WHERE a.is_current_version AND b.is_current_version AND a.rule = :first AND b.rule = :second
ORDER BY a.started_at, b.started_at;
