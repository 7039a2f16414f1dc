-- The same content may lie under names of several cameras. It is scored once, and belongs to each of them: rules that look
-- at any of them want it, and its scores, coverage and events are found under each that a rule looks at.

CREATE TABLE video_cameras (
    video_id bigint NOT NULL REFERENCES videos,
    camera_id text NOT NULL REFERENCES cameras,
    PRIMARY KEY (video_id, camera_id)
);
CREATE INDEX video_cameras_by_camera ON video_cameras (camera_id, video_id);
COMMENT ON TABLE video_cameras IS 'Cameras that a content was ever found under: one, unless its file was copied.';
INSERT INTO video_cameras (video_id, camera_id)
SELECT video_id, camera_id FROM videos
UNION
SELECT video_id, camera_id FROM video_files WHERE video_id IS NOT NULL AND camera_id IS NOT NULL;
GRANT SELECT ON video_cameras TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT ON video_cameras TO anyanomaly_writer;

COMMENT ON COLUMN videos.camera_id IS 'The camera of the first name found: its mask is drawn and its recording time counts. All of them: video_cameras.';
COMMENT ON COLUMN video_files.camera_id IS 'Camera that this name states.';
COMMENT ON COLUMN events.event_id IS 'Made of rule name, video content and peak frame, and the camera where it is not the video''s first: the same event keeps its id when thresholds change, for every rule version that finds it.';

CREATE OR REPLACE VIEW segment_results AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       p.camera_id AS camera, v.video_id, v.uri, ss.segment_index, ss.first_frame,
       ss.first_frame + cardinality(ss.frame_scores) - 1 AS last_frame,
       ss.started_at, ss.ended_at, ss.started_at AT TIME ZONE c.time_zone AS started_local,
       ss.status, ss.reason, ss.score, ss.peak, ss.key_score, ss.position_score, ss.temporal_score,
       ss.key_frame, ss.grid_frames, ss.winning_window, ss.winning_text, ss.rationale, ss.frame_scores,
       ss.timings, ss.scoring_id, ss.scorer_id, ss.layout_id, u.run_id
FROM segment_scores ss
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (ss.video_id, ss.scoring_id, ss.scorer_id) AND u.is_current
JOIN rule_versions rv ON rv.scoring_id = ss.scoring_id
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = ss.video_id
JOIN video_cameras p ON p.video_id = ss.video_id AND glob_matches(p.camera_id, rv.cameras)
JOIN cameras c ON c.camera_id = p.camera_id;
COMMENT ON VIEW segment_results IS 'One row per segment, rule version and camera: scores of each context, the fused score, what the model saw and said, or why there is no score.';
COMMENT ON COLUMN segment_results.camera IS 'Id of the camera. Content that was found under two cameras is scored once and has rows for both.';

CREATE OR REPLACE VIEW coverage AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, r.state AS rule_state,
       p.camera_id AS camera, v.video_id, v.uri, v.recorded_at, v.state AS video_state, v.duration_s AS video_seconds,
       part.state, part.seconds, part.segments,
       CASE WHEN part.state = 'failed' THEN coalesce(u.last_error, v.error)
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
           coalesce(v.duration_s, 0), NULL
    WHERE u.video_id IS NULL
) AS part;
COMMENT ON VIEW coverage IS 'What became of every second of every video, for every rule version that looks at its camera. The seconds of a video add up to its length. Content that was found under two cameras counts for each.';

-- The longest retention among its cameras counts.
CREATE OR REPLACE VIEW retention_due AS
SELECT v.video_id, v.camera_id AS camera, v.uri, v.recorded_at, k.retention_days, d.due_at,
       EXISTS (SELECT FROM legal_holds h WHERE h.video_id = v.video_id AND h.released_at IS NULL) AS held
FROM videos v
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(c.retention_days IS NOT NULL) THEN max(c.retention_days) END AS retention_days
    FROM video_cameras p JOIN cameras c USING (camera_id) WHERE p.video_id = v.video_id
) AS k
CROSS JOIN LATERAL (
    SELECT v.recorded_at + make_interval(days => k.retention_days, secs => coalesce(v.duration_s, 0)) AS due_at
) AS d
WHERE v.expired_at IS NULL AND d.due_at < now();
COMMENT ON VIEW retention_due IS 'Videos whose camera''s retention has passed and whose results are still there; of several cameras, the longest counts.';
