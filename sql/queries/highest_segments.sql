-- Which segments scored highest, event or not?
-- :rule text = NULL  -- only this rule; NULL: all
-- :at_least real = 0.5  -- lowest peak shown; below 0.5 every segment is looked at, which takes longer
-- :most integer = 50  -- how many
SELECT rule, camera, started_local, time_source, peak, score, key_score, position_score, temporal_score, winning_text, rationale, uri, key_frame
FROM segment_results
WHERE is_current_version AND peak >= :at_least AND (:rule IS NULL OR rule = :rule)
ORDER BY peak DESC, started_at
LIMIT :most;
