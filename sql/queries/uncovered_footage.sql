-- Which footage has an active rule not looked at, and why not?
SELECT c.rule, c.camera, c.recorded_at, v.recorded_at_source AS time_source, c.uri, c.state, c.seconds, c.reason, c.attempts
FROM coverage c JOIN videos v USING (video_id)
WHERE c.is_current_version AND c.rule_state = 'active' AND c.state IN ('not_yet', 'failed')
ORDER BY c.rule, c.recorded_at, c.uri;
