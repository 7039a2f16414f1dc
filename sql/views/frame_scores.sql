CREATE OR REPLACE VIEW frame_scores AS
SELECT rule, version, camera, video_id, uri, frame, frame_at, score, status, reason, rationale, winning_text,
       segment_index, segment_started_at, scorer_id, segment_ended_at, video_started_at, video_ended_at
FROM frame_scores_history
WHERE is_current_version;

COMMENT ON VIEW frame_scores IS 'One row per frame and rule, in its current version: the score, or NULL and the status that says why there is none.';
COMMENT ON COLUMN frame_scores.rule IS 'Name of the rule.';
COMMENT ON COLUMN frame_scores.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN frame_scores.camera IS 'Id of the camera.';
COMMENT ON COLUMN frame_scores.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN frame_scores.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN frame_scores.frame IS 'Number of the frame in its file, from 0.';
COMMENT ON COLUMN frame_scores.frame_at IS 'When the frame was recorded.';
COMMENT ON COLUMN frame_scores.score IS 'After smoothing, 0 to 1; NULL: not scored, see status. NULL never means normal.';
COMMENT ON COLUMN frame_scores.status IS 'Of the frame''s segment: scored, carried, pruned or failed.';
COMMENT ON COLUMN frame_scores.reason IS 'Why there is no score, whose score was taken over, or by how much a judged score may be off; NULL where there is nothing to say.';
COMMENT ON COLUMN frame_scores.rationale IS 'What the model said of the segment.';
COMMENT ON COLUMN frame_scores.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN frame_scores.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN frame_scores.segment_started_at IS 'Filter on this, and on segment_ended_at, as well as on frame_at: it is what the partitions and indexes know. See the ready query frame_curve.';
COMMENT ON COLUMN frame_scores.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN frame_scores.segment_ended_at IS 'When the last frame of the segment ends.';
COMMENT ON COLUMN frame_scores.video_started_at IS 'When the first frame of the file was recorded.';
COMMENT ON COLUMN frame_scores.video_ended_at IS 'End of the last frame of the file.';

GRANT SELECT ON frame_scores TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
