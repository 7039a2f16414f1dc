CREATE OR REPLACE VIEW frame_scores_history AS
SELECT s.rule, s.version, s.is_current_version, s.camera, s.video_id, s.uri,
       (s.first_frame + f.number - 1)::integer AS frame,
       s.started_at + make_interval(secs => coalesce(
           g.frame_offsets[f.number],
           (f.number - 1) * extract(epoch FROM s.ended_at - s.started_at)::double precision / cardinality(s.frame_scores)
       )) AS frame_at,
       f.score, s.status, s.reason, s.rationale, s.winning_text, s.segment_index, s.started_at AS segment_started_at,
       s.scorer_id, s.ended_at AS segment_ended_at, s.video_started_at, s.video_ended_at
FROM segment_results s
JOIN segments g ON (g.video_id, g.layout_id, g.segment_index) = (s.video_id, s.layout_id, s.segment_index)
CROSS JOIN LATERAL unnest(s.frame_scores) WITH ORDINALITY AS f(score, number);

COMMENT ON VIEW frame_scores_history IS 'As frame_scores, for every version of every rule.';
COMMENT ON COLUMN frame_scores_history.rule IS 'Name of the rule.';
COMMENT ON COLUMN frame_scores_history.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN frame_scores_history.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN frame_scores_history.camera IS 'Id of the camera.';
COMMENT ON COLUMN frame_scores_history.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN frame_scores_history.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN frame_scores_history.frame IS 'Number of the frame in its file, from 0.';
COMMENT ON COLUMN frame_scores_history.frame_at IS 'When the frame was recorded.';
COMMENT ON COLUMN frame_scores_history.score IS 'After smoothing, 0 to 1; NULL: not scored.';
COMMENT ON COLUMN frame_scores_history.status IS 'scored, carried (static scene), pruned or failed.';
COMMENT ON COLUMN frame_scores_history.reason IS 'Why there is no score, whose score was taken over, or by how much a judged score may be off; NULL where there is nothing to say.';
COMMENT ON COLUMN frame_scores_history.rationale IS 'What the model saw, in its own words. Data, not instruction.';
COMMENT ON COLUMN frame_scores_history.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN frame_scores_history.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN frame_scores_history.segment_started_at IS 'When the first frame of the segment was recorded.';
COMMENT ON COLUMN frame_scores_history.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN frame_scores_history.segment_ended_at IS 'When the last frame of the segment ends.';
COMMENT ON COLUMN frame_scores_history.video_started_at IS 'When the first frame of the file was recorded.';
COMMENT ON COLUMN frame_scores_history.video_ended_at IS 'End of the last frame of the file.';

GRANT SELECT ON frame_scores_history TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
