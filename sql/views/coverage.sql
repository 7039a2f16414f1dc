CREATE OR REPLACE VIEW coverage AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, r.state AS rule_state,
       p.camera_id AS camera, v.video_id, v.uri, v.recorded_at, v.state AS video_state, v.duration_s AS video_seconds,
       part.state, part.seconds, part.segments,
       CASE WHEN part.state = 'failed' THEN coalesce(u.last_error, v.error)
            WHEN part.state = 'pruned' AND u.certificate_id IS NOT NULL THEN 'left out under certificate ' || u.certificate_id
            WHEN part.state = 'no_footage' THEN 'nothing was recorded, or the beginning cannot be decoded'
            WHEN part.state = 'expired' THEN 'results are kept for a limited time'
            WHEN part.state = 'not_yet' AND v.state = 'missing' THEN 'the file is gone'
            WHEN part.state = 'not_yet' AND v.state = 'registered' THEN 'not decoded yet'
            WHEN part.state = 'not_yet' AND r.state <> 'active' THEN 'the rule is ' || r.state
       END AS reason,
       coalesce(u.attempts, 0) AS attempts, u.scorer_id, u.finished_at, rv.rule_version_id
FROM rule_versions rv
JOIN rules r USING (rule_id)
JOIN video_cameras p ON glob_matches(p.camera_id, rv.cameras)
JOIN videos v ON v.video_id = p.video_id
LEFT JOIN units u ON u.video_id = v.video_id AND u.scoring_id = rv.scoring_id AND u.is_current
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        ('scored', u.seconds_scored, u.segments_scored),
        ('carried', u.seconds_carried, u.segments_carried),
        ('pruned', u.seconds_pruned, u.segments_pruned),
        ('failed', u.seconds_failed, u.segments_failed)
    ) AS committed(state, seconds, segments)
    WHERE u.video_id IS NOT NULL AND segments > 0
    UNION ALL
    SELECT CASE WHEN v.expired_at IS NOT NULL THEN 'expired' WHEN v.state = 'unreadable' THEN 'failed' ELSE 'not_yet' END,
           greatest(coalesce(v.duration_s, 0) - v.no_footage_s, 0), NULL
    WHERE u.video_id IS NULL
    UNION ALL
    SELECT 'no_footage', v.no_footage_s, NULL WHERE v.no_footage_s > 0
) AS part
WHERE NOT EXISTS (SELECT FROM videos n WHERE n.video_id = v.replaced_by AND n.state IN ('ready', 'damaged'));

COMMENT ON VIEW coverage IS 'What became of every second of every video, for every rule version that looks at its camera. The seconds of a video add up to its length. Content that was found under two cameras counts for each.';
COMMENT ON COLUMN coverage.rule IS 'Name of the rule.';
COMMENT ON COLUMN coverage.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN coverage.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN coverage.rule_state IS 'active, paused or retired.';
COMMENT ON COLUMN coverage.camera IS 'Id of the camera.';
COMMENT ON COLUMN coverage.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN coverage.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN coverage.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN coverage.video_state IS 'What ingest found: whether it can be decoded, and whether it is still there.';
COMMENT ON COLUMN coverage.video_seconds IS 'Length of the video.';
COMMENT ON COLUMN coverage.state IS 'scored, carried (static scene), pruned (left out by a cascade), failed, expired (removed after its camera''s retention), not_yet, or no_footage (a hole in the recording, or a beginning that cannot be decoded).';
COMMENT ON COLUMN coverage.seconds IS 'Footage seconds in this state; 0 for a video of which not even the length can be read.';
COMMENT ON COLUMN coverage.segments IS 'Segments in this state; NULL where nothing was tried.';
COMMENT ON COLUMN coverage.reason IS 'Why it failed or is not done.';
COMMENT ON COLUMN coverage.attempts IS 'How often scoring was tried.';
COMMENT ON COLUMN coverage.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN coverage.finished_at IS 'When the scores were committed.';
COMMENT ON COLUMN coverage.rule_version_id IS 'Version of a rule; rule and version name the same.';

GRANT SELECT ON coverage TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
