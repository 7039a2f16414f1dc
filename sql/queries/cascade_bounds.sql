-- Where a cascade left footage out: how much, what did the audit find, and at most how much was missed?
SELECT rule, version, profile, videos, judged_by_rank, judged_for_motion, pruned, audited, audited_failed, audited_hits,
       round(missed_share_bound::numeric, 4) AS missed_share_bound, missed_segments_bound
FROM cascade_bounds
WHERE is_current_version
ORDER BY rule, profile;
