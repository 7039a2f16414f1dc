-- Who changed a rule when, and what did it say?
-- :rule text = NULL  -- only this rule; NULL: all
SELECT r.name AS rule, r.state, rv.version, rv.created_at, rv.author, g.first_version AS scored_like_version,
       rv.definition ->> 'texts' AS texts, rv.definition ->> 'excluded' AS excluded, rv.cameras, rv.threshold,
       (SELECT count(*) FROM events e WHERE e.rule_version_id = rv.rule_version_id) AS events
FROM rule_versions rv JOIN rules r USING (rule_id) JOIN scorings g USING (scoring_id)
WHERE :rule IS NULL OR r.name = :rule
ORDER BY rule, rv.version;
