-- What is set aside: files that cannot be used and videos that could not be scored, why, and whether they are tried again?
-- :max_attempts integer = 3  -- tries of a video and rule before it is left alone
SELECT 'file' AS what, p.uri, p.camera, NULL AS rule, p.recorded_at, v.recorded_at_source AS time_source, p.state,
       p.problem AS reason, NULL::integer AS attempts,
       CASE WHEN p.state = 'unreadable' THEN 'when the file changes, or after `anyanomaly retry`'
            ELSE 'with every ingest' END AS tried_again
FROM footage_problems p LEFT JOIN video_files f USING (uri) LEFT JOIN videos v USING (video_id)
WHERE p.state IN ('not registered', 'unreadable') AND p.missing_since IS NULL
UNION ALL
SELECT 'scores', v.uri, v.camera_id, r.name, v.recorded_at, v.recorded_at_source, u.state::text, u.last_error, u.attempts,
       CASE WHEN v.state = 'missing' THEN 'when the file is back'
            WHEN u.certificate_id IS NOT NULL THEN 'with a backfill of the rule'
            WHEN u.attempts < :max_attempts THEN 'with the next scan'
            ELSE 'after `anyanomaly retry`' END
FROM units u
JOIN videos v USING (video_id)
JOIN scorings s USING (scoring_id)
JOIN rules r ON r.rule_id = s.rule_id
JOIN rule_versions rv ON rv.rule_id = r.rule_id AND rv.version = r.current_version AND rv.scoring_id = u.scoring_id
WHERE u.is_current AND u.state <> 'done' AND r.state <> 'retired'
ORDER BY what, uri, rule;
