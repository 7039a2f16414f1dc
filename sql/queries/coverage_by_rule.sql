-- How much of the archive has each rule seen?
SELECT rule, version, state, count(DISTINCT video_id) AS videos, round(sum(seconds)::numeric, 1) AS seconds,
       round((100 * sum(seconds) / nullif(sum(sum(seconds)) OVER (PARTITION BY rule, version), 0))::numeric, 2) AS percent
FROM coverage
WHERE is_current_version
GROUP BY rule, version, state
ORDER BY rule, state;
