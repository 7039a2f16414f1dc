-- Which events should somebody look at first?
-- :most integer = 50  -- how many
SELECT rule, camera_name, started_local, duration_s, peak_score, winning_text, rationale, uri, event_id
FROM event_list
WHERE is_current_version AND verdict IS NULL
ORDER BY peak_score DESC, started_at
LIMIT :most;
