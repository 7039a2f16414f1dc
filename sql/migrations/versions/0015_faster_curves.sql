-- A minute of a rule's curve: the views now say where segment and video begin and end, so that a query need neither unroll
-- all segments of ten minutes nor ask `videos` a second time; and the time zone is not looked up where nobody wants it.

CREATE OR REPLACE VIEW segment_results AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       p.camera_id AS camera, v.video_id, v.uri, ss.segment_index, ss.first_frame,
       ss.first_frame + cardinality(ss.frame_scores) - 1 AS last_frame,
       ss.started_at, ss.ended_at, ss.started_at AT TIME ZONE c.time_zone AS started_local,
       ss.status, ss.reason, ss.score, ss.peak, ss.key_score, ss.position_score, ss.temporal_score,
       ss.key_frame, ss.grid_frames, ss.winning_window, ss.winning_text, ss.rationale, ss.frame_scores,
       ss.timings, ss.scoring_id, ss.scorer_id, ss.layout_id, u.run_id,
       v.recorded_at AS video_started_at, v.recorded_at + make_interval(secs => v.duration_s) AS video_ended_at
FROM segment_scores ss
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (ss.video_id, ss.scoring_id, ss.scorer_id) AND u.is_current
JOIN rule_versions rv ON rv.scoring_id = ss.scoring_id
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = ss.video_id
JOIN video_cameras p ON p.video_id = ss.video_id AND glob_matches(p.camera_id, rv.cameras)
LEFT JOIN cameras c ON c.camera_id = p.camera_id;  -- there always is one; an outer join may be left out by the planner

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

CREATE OR REPLACE VIEW frame_scores AS
SELECT rule, version, camera, video_id, uri, frame, frame_at, score, status, reason, rationale, winning_text,
       segment_index, segment_started_at, scorer_id, segment_ended_at, video_started_at, video_ended_at
FROM frame_scores_history
WHERE is_current_version;

COMMENT ON COLUMN frame_scores.segment_ended_at IS 'When the last frame of the segment ends.';
COMMENT ON COLUMN frame_scores.video_started_at IS 'When the first frame of the file was recorded.';
COMMENT ON COLUMN frame_scores.segment_started_at IS 'Filter on this, and on segment_ended_at, as well as on frame_at: it is what the partitions and indexes know. See the ready query frame_curve.';
