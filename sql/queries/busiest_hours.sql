-- At which hour of the day, by the clock on the camera's wall, does most happen?
-- :rule text = NULL  -- only this rule; NULL: all
SELECT extract(hour FROM started_local)::integer AS local_hour, count(*) AS events, count(DISTINCT camera) AS cameras,
       round(avg(peak_score)::numeric, 2) AS mean_peak
FROM event_list
WHERE is_current_version AND (:rule IS NULL OR rule = :rule)
GROUP BY local_hour
ORDER BY events DESC, local_hour;
