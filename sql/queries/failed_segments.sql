-- Why do segments fail, and how often?
SELECT rule, version, left(reason, 120) AS reason, count(*) AS segments, count(DISTINCT video_id) AS videos,
       min(started_at) AS first, max(started_at) AS last
FROM segment_results
WHERE is_current_version AND status = 'failed'
  -- The ledger knows which videos have any; this condition is what makes the query fast.
  AND video_id IN (SELECT video_id FROM units WHERE is_current AND segments_failed > 0)
GROUP BY rule, version, left(reason, 120)
ORDER BY segments DESC, rule, reason;
