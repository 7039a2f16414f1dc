-- Which footage has an active rule not looked at, and why not?
SELECT rule, camera, recorded_at, uri, state, seconds, reason, attempts
FROM coverage
WHERE is_current_version AND rule_state = 'active' AND state IN ('not_yet', 'failed')
ORDER BY rule, recorded_at, uri;
