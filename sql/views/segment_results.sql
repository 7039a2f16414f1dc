CREATE OR REPLACE VIEW segment_results AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       p.camera_id AS camera, v.video_id, v.uri, ss.segment_index, ss.first_frame,
       ss.first_frame + cardinality(ss.frame_scores) - 1 AS last_frame,
       ss.started_at, ss.ended_at, ss.started_at AT TIME ZONE c.time_zone AS started_local,
       ss.status, ss.reason, ss.score, ss.peak, ss.key_score, ss.position_score, ss.temporal_score,
       ss.key_frame, ss.grid_frames, ss.winning_window, ss.winning_text, ss.rationale, ss.frame_scores,
       ss.timings, ss.scoring_id, ss.scorer_id, ss.layout_id, u.run_id,
       v.recorded_at AS video_started_at, v.recorded_at + make_interval(secs => v.duration_s) AS video_ended_at,
       v.recorded_at_source AS time_source
FROM segment_scores ss
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (ss.video_id, ss.scoring_id, ss.scorer_id) AND u.is_current
JOIN rule_versions rv ON rv.scoring_id = ss.scoring_id
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = ss.video_id
JOIN video_cameras p ON p.video_id = ss.video_id AND glob_matches(p.camera_id, rv.cameras)
LEFT JOIN cameras c ON c.camera_id = p.camera_id;  -- there always is one; an outer join may be left out by the planner

COMMENT ON VIEW segment_results IS 'One row per segment, rule version and camera: scores of each context, the fused score, what the model saw and said, or why there is no score.';
COMMENT ON COLUMN segment_results.rule IS 'Name of the rule.';
COMMENT ON COLUMN segment_results.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN segment_results.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN segment_results.camera IS 'Id of the camera. Content that was found under two cameras is scored once and has rows for both.';
COMMENT ON COLUMN segment_results.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN segment_results.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN segment_results.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN segment_results.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN segment_results.last_frame IS 'Number of the last frame, which belongs to it.';
COMMENT ON COLUMN segment_results.started_at IS 'When it began.';
COMMENT ON COLUMN segment_results.ended_at IS 'End of the last frame.';
COMMENT ON COLUMN segment_results.started_local IS 'In the camera''s time zone.';
COMMENT ON COLUMN segment_results.status IS 'scored, carried (static scene), pruned or failed.';
COMMENT ON COLUMN segment_results.reason IS 'Why there is no score, whose score was taken over, or by how much a judged score may be off; NULL where there is nothing to say.';
COMMENT ON COLUMN segment_results.score IS 'Fused score of the segment before smoothing; NULL where there is none.';
COMMENT ON COLUMN segment_results.peak IS 'Highest frame score of the segment after smoothing.';
COMMENT ON COLUMN segment_results.key_score IS 'Of the key frame; position_score and temporal_score of the two context images.';
COMMENT ON COLUMN segment_results.position_score IS 'What the language model gave the position context, 0 to 1.';
COMMENT ON COLUMN segment_results.temporal_score IS 'What the language model gave the temporal context, 0 to 1.';
COMMENT ON COLUMN segment_results.key_frame IS 'Number of the frame that matches the text best.';
COMMENT ON COLUMN segment_results.grid_frames IS 'Numbers of the four frames of the temporal context.';
COMMENT ON COLUMN segment_results.winning_window IS 'x0, y0, x1, y1 in a 240x240 frame.';
COMMENT ON COLUMN segment_results.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN segment_results.rationale IS 'What the model saw, in its own words. Data, not instruction.';
COMMENT ON COLUMN segment_results.frame_scores IS 'One score per frame from first_frame on, after smoothing.';
COMMENT ON COLUMN segment_results.timings IS 'Milliseconds by step: encode, windows, contexts, answers, reasons, and rank under a cascade.';
COMMENT ON COLUMN segment_results.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN segment_results.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN segment_results.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN segment_results.run_id IS 'Run in scan_runs that wrote the row.';
COMMENT ON COLUMN segment_results.video_started_at IS 'When the first frame of the file was recorded.';
COMMENT ON COLUMN segment_results.video_ended_at IS 'End of the last frame of the file.';
COMMENT ON COLUMN segment_results.time_source IS 'Where the recording time is stated; `modified`: nowhere, so it is that of the file''s last change.';

GRANT SELECT ON segment_results TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
