CREATE OR REPLACE VIEW cascade_units AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, v.camera_id AS camera,
       v.video_id, v.uri, v.recorded_at, s.profile_name AS profile, k.judged_by_rank, k.judged_for_motion,
       u.segments_pruned AS pruned,
       u.segments_pruned + cardinality(k.audited_segments) + k.carried_from_audit AS left_to_chance,
       cardinality(k.audited_segments) AS audited,
       (SELECT count(*)::integer FROM unnest(k.audited_scores) AS a(score) WHERE a.score IS NULL) AS audited_failed,
       (SELECT count(*)::integer FROM unnest(k.audited_scores) AS a(score) WHERE a.score >= rv.threshold) AS audited_hits,
       u.run_id, u.scorer_id, rv.rule_version_id
FROM unit_cascades k
JOIN units u USING (video_id, scoring_id, scorer_id)
JOIN rule_versions rv USING (scoring_id)
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = u.video_id
JOIN scorers s ON s.scorer_id = u.scorer_id
WHERE u.is_current AND EXISTS (
    SELECT FROM video_cameras p WHERE p.video_id = u.video_id AND glob_matches(p.camera_id, rv.cameras));

COMMENT ON VIEW cascade_units IS 'One row per video and rule version whose shown scores come from a cascade: what was judged and why, what was left out, what the audit found.';
COMMENT ON COLUMN cascade_units.rule IS 'Name of the rule.';
COMMENT ON COLUMN cascade_units.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN cascade_units.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN cascade_units.camera IS 'Id of the video''s first camera.';
COMMENT ON COLUMN cascade_units.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN cascade_units.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN cascade_units.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN cascade_units.profile IS 'Models and parameters that scored it.';
COMMENT ON COLUMN cascade_units.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';
COMMENT ON COLUMN cascade_units.judged_for_motion IS 'Of the others: judged because they move strangely.';
COMMENT ON COLUMN cascade_units.pruned IS 'Segments that nobody judged. They have no score, not a score of 0.';
COMMENT ON COLUMN cascade_units.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';
COMMENT ON COLUMN cascade_units.audited IS 'Of these: drawn at random, each with the same probability, and judged.';
COMMENT ON COLUMN cascade_units.audited_failed IS 'Audited segments that could not be judged.';
COMMENT ON COLUMN cascade_units.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold: the cascade would have missed them.';
COMMENT ON COLUMN cascade_units.run_id IS 'Run in scan_runs that wrote the scores.';
COMMENT ON COLUMN cascade_units.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN cascade_units.rule_version_id IS 'Version of a rule; rule and version name the same.';

GRANT SELECT ON cascade_units TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
