-- Which hits did last night bring, camera by camera?
-- :from timestamptz = now() - interval '1 day'  -- start of the night
-- :until timestamptz = now()  -- end of the night
SELECT camera_name, rule, count(*) AS events, max(peak_score) AS highest_peak, min(started_local) AS first_local,
       max(ended_local) AS last_local, sum(duration_s) AS seconds
FROM event_list
WHERE is_current_version AND started_at >= :from AND started_at < :until
GROUP BY camera_name, rule
ORDER BY events DESC, camera_name, rule;
