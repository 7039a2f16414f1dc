-- Which events should somebody look at first?
-- :most integer = 50  -- how many
SELECT rule, camera_name, started_local, time_source, duration_s, peak_score, winning_text, rationale, uri, event_id
FROM event_list
-- As `verdict IS NULL`, in words that let the index of scores stop at the first so many.
WHERE is_current_version AND NOT EXISTS (
    SELECT FROM verdicts d WHERE d.event_id = event_list.event_id AND d.withdraws IS NULL
    AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
)
ORDER BY peak_score DESC, event_id DESC
LIMIT :most;
