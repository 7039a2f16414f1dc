-- How likely is each event of a rule to be real, by what reviewers said of its other events? Needs `anyanomaly calibrate`.
-- :rule text = NULL  -- name of the rule; NULL: every rule
SELECT e.rule, e.camera, e.started_local, e.peak_score, round(calibrated(m.scores, m.probabilities, e.peak_score)::numeric, 3) AS probability,
       m.method, m.confirmed + m.rejected AS learned_from, e.verdict, e.time_source, e.event_id
FROM event_list e
JOIN rules r ON r.name = e.rule
LEFT JOIN LATERAL (
    SELECT * FROM score_maps s WHERE s.rule_id = r.rule_id AND s.scorer_id = e.scorer_id ORDER BY s.map_id DESC LIMIT 1
) AS m ON true
WHERE e.is_current_version AND (:rule IS NULL OR e.rule = :rule)
ORDER BY probability DESC NULLS LAST, e.peak_score DESC, e.event_id;
