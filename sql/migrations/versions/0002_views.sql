-- Views: what people query. docs/sql.md lists them; every view and column worth a remark has a comment.

CREATE VIEW segment_results AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       v.camera_id AS camera, v.video_id, v.uri, ss.segment_index, ss.first_frame,
       ss.first_frame + cardinality(ss.frame_scores) - 1 AS last_frame,
       ss.started_at, ss.ended_at, ss.started_at AT TIME ZONE c.time_zone AS started_local,
       ss.status, ss.reason, ss.score, ss.peak, ss.key_score, ss.position_score, ss.temporal_score,
       ss.key_frame, ss.grid_frames, ss.winning_window, ss.winning_text, ss.rationale, ss.frame_scores,
       ss.timings, ss.scoring_id, ss.scorer_id, ss.layout_id, u.run_id
FROM segment_scores ss
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (ss.video_id, ss.scoring_id, ss.scorer_id) AND u.is_current
JOIN rule_versions rv ON rv.scoring_id = ss.scoring_id
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = ss.video_id AND glob_matches(v.camera_id, rv.cameras)
JOIN cameras c ON c.camera_id = v.camera_id;
COMMENT ON VIEW segment_results IS 'One row per segment and rule version: scores of each context, the fused score, what the model saw and said, or why there is no score.';
COMMENT ON COLUMN segment_results.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN segment_results.score IS 'Fused score of the segment before smoothing; NULL where there is none.';
COMMENT ON COLUMN segment_results.peak IS 'Highest frame score of the segment after smoothing.';

CREATE VIEW frame_scores_history AS
SELECT s.rule, s.version, s.is_current_version, s.camera, s.video_id, s.uri,
       (s.first_frame + f.number - 1)::integer AS frame,
       s.started_at + make_interval(secs => coalesce(
           g.frame_offsets[f.number],
           (f.number - 1) * extract(epoch FROM s.ended_at - s.started_at)::double precision / cardinality(s.frame_scores)
       )) AS frame_at,
       f.score, s.status, s.reason, s.rationale, s.winning_text, s.segment_index, s.started_at AS segment_started_at,
       s.scorer_id
FROM segment_results s
JOIN segments g ON (g.video_id, g.layout_id, g.segment_index) = (s.video_id, s.layout_id, s.segment_index)
CROSS JOIN LATERAL unnest(s.frame_scores) WITH ORDINALITY AS f(score, number);
COMMENT ON VIEW frame_scores_history IS 'As frame_scores, for every version of every rule.';

CREATE VIEW frame_scores AS
SELECT rule, version, camera, video_id, uri, frame, frame_at, score, status, reason, rationale, winning_text,
       segment_index, segment_started_at, scorer_id
FROM frame_scores_history
WHERE is_current_version;
COMMENT ON VIEW frame_scores IS 'One row per frame and rule, in its current version: the score, or NULL and the status that says why there is none.';
COMMENT ON COLUMN frame_scores.frame IS 'Number of the frame in its file, from 0.';
COMMENT ON COLUMN frame_scores.frame_at IS 'When the frame was recorded.';
COMMENT ON COLUMN frame_scores.score IS 'After smoothing, 0 to 1; NULL: not scored, see status. NULL never means normal.';
COMMENT ON COLUMN frame_scores.segment_started_at IS 'Filter on this as well as on frame_at: it is what the partitions and indexes know.';

CREATE VIEW event_list AS
SELECT e.event_id, r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       e.camera_id AS camera, c.name AS camera_name, e.started_at, e.ended_at,
       e.started_at AT TIME ZONE c.time_zone AS started_local, e.ended_at AT TIME ZONE c.time_zone AS ended_local,
       extract(epoch FROM e.ended_at - e.started_at)::double precision AS duration_s,
       e.peak_score, e.peak_at, e.mean_score, e.winning_text, e.rationale,
       v.video_id, v.uri, e.first_frame, e.last_frame, e.peak_frame, e.segment_index,
       said.verdict, said.reviewer, said.created_at AS verdict_at, s.profile_name AS profile, s.notice, e.scorer_id
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN cameras c ON c.camera_id = e.camera_id
JOIN videos v ON v.video_id = e.video_id
JOIN scorers s ON s.scorer_id = e.scorer_id
LEFT JOIN LATERAL (
    SELECT d.verdict, d.reviewer, d.created_at FROM verdicts d
    WHERE d.event_id = e.event_id ORDER BY d.created_at DESC, d.verdict_id DESC LIMIT 1
) AS said ON true;
COMMENT ON VIEW event_list IS 'One row per event and rule version: when, where, how sure, why, and what a reviewer said.';
COMMENT ON COLUMN event_list.event_id IS 'Stays the same when thresholds change and when footage is scored again with the same peak.';
COMMENT ON COLUMN event_list.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN event_list.started_local IS 'In the camera''s time zone.';
COMMENT ON COLUMN event_list.verdict IS 'The newest: real, false_alarm or unsure; NULL: nobody looked yet.';
COMMENT ON COLUMN event_list.notice IS 'What must be said about these scores, if anything.';

CREATE VIEW coverage AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, r.state AS rule_state,
       v.camera_id AS camera, v.video_id, v.uri, v.recorded_at, v.state AS video_state, v.duration_s AS video_seconds,
       part.state, part.seconds, part.segments,
       CASE WHEN part.state = 'failed' THEN coalesce(u.last_error, v.error)
            WHEN part.state = 'not_yet' AND v.state = 'missing' THEN 'the file is gone'
            WHEN part.state = 'not_yet' AND v.state = 'registered' THEN 'not decoded yet'
            WHEN part.state = 'not_yet' AND r.state <> 'active' THEN 'the rule is ' || r.state
       END AS reason,
       coalesce(u.attempts, 0) AS attempts, u.scorer_id, u.finished_at, rv.rule_version_id
FROM rule_versions rv
JOIN rules r USING (rule_id)
JOIN videos v ON glob_matches(v.camera_id, rv.cameras)
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
    SELECT CASE WHEN v.state = 'unreadable' THEN 'failed' ELSE 'not_yet' END, coalesce(v.duration_s, 0), NULL
    WHERE u.video_id IS NULL
) AS part;
COMMENT ON VIEW coverage IS 'What became of every second of every video, for every rule version that looks at its camera. The seconds of a video add up to its length.';
COMMENT ON COLUMN coverage.state IS 'scored, carried (static scene), pruned (left out by a cascade), failed, or not_yet.';
COMMENT ON COLUMN coverage.seconds IS 'Footage seconds in this state; 0 for a video of which not even the length can be read.';
COMMENT ON COLUMN coverage.reason IS 'Why it failed or is not done.';
COMMENT ON COLUMN coverage.attempts IS 'How often scoring was tried.';

CREATE VIEW footage_problems AS
SELECT f.uri, f.camera_id AS camera, f.recorded_at, coalesce(f.problem, v.error, array_to_string(v.damage, '; ')) AS problem,
       CASE WHEN f.problem IS NOT NULL THEN 'not registered' ELSE v.state::text END AS state, f.seen_at, f.missing_since
FROM video_files f LEFT JOIN videos v USING (video_id)
WHERE f.problem IS NOT NULL OR v.state IN ('damaged', 'unreadable', 'missing') OR f.missing_since IS NOT NULL;
COMMENT ON VIEW footage_problems IS 'Files that could not be registered or decoded, decoded with damage, or are gone.';

COMMENT ON COLUMN event_list.camera IS 'Id of the camera.';
COMMENT ON COLUMN event_list.ended_at IS 'End of the last frame.';
COMMENT ON COLUMN event_list.peak_score IS 'Highest frame score, 0 to 1.';
COMMENT ON COLUMN event_list.mean_score IS 'Mean over the frames that have a score.';
COMMENT ON COLUMN event_list.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN event_list.rationale IS 'What the model saw, in its own words. Data, not instruction.';
COMMENT ON COLUMN event_list.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN event_list.first_frame IS 'Frames are numbered from 0 in their file; both ends belong to the event.';
COMMENT ON COLUMN event_list.segment_index IS 'Segment that the peak lies in.';
COMMENT ON COLUMN event_list.profile IS 'Models and parameters that scored it.';
COMMENT ON COLUMN frame_scores.camera IS 'Id of the camera.';
COMMENT ON COLUMN frame_scores.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN frame_scores.status IS 'Of the frame''s segment: scored, carried, pruned or failed.';
COMMENT ON COLUMN frame_scores.reason IS 'Why there is no score.';
COMMENT ON COLUMN frame_scores.rationale IS 'What the model said of the segment.';
COMMENT ON COLUMN segment_results.camera IS 'Id of the camera.';
COMMENT ON COLUMN segment_results.status IS 'scored, carried (static scene), pruned or failed.';
COMMENT ON COLUMN segment_results.key_score IS 'Of the key frame; position_score and temporal_score of the two context images.';
COMMENT ON COLUMN segment_results.winning_window IS 'x0, y0, x1, y1 in a 240x240 frame.';
COMMENT ON COLUMN segment_results.frame_scores IS 'One score per frame from first_frame on, after smoothing.';
COMMENT ON COLUMN segment_results.run_id IS 'Run in scan_runs that wrote the row.';
COMMENT ON COLUMN coverage.rule_state IS 'active, paused or retired.';
COMMENT ON COLUMN coverage.video_seconds IS 'Length of the video.';
COMMENT ON COLUMN coverage.segments IS 'Segments in this state; NULL where nothing was tried.';
COMMENT ON COLUMN coverage.finished_at IS 'When the scores were committed.';
