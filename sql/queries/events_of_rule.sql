-- When and where did a rule find something, and why?
-- :rule text = (SELECT min(name) FROM rules)  -- name of the rule
-- :from timestamptz = '-infinity'  -- events from here on
-- :until timestamptz = 'infinity'  -- and before this moment
SELECT camera_name, started_local, time_source, duration_s, peak_score, winning_text, rationale, verdict, uri, first_frame, last_frame, event_id
FROM event_list
WHERE is_current_version AND rule = :rule AND started_at >= :from AND started_at < :until
ORDER BY started_at, camera_name;
