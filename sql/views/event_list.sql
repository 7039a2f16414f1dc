CREATE OR REPLACE VIEW event_list AS
SELECT e.event_id, r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       e.camera_id AS camera, c.name AS camera_name, e.started_at, e.ended_at,
       e.started_at AT TIME ZONE c.time_zone AS started_local, e.ended_at AT TIME ZONE c.time_zone AS ended_local,
       extract(epoch FROM e.ended_at - e.started_at)::double precision AS duration_s,
       e.peak_score, e.peak_at, e.mean_score, e.winning_text, e.rationale,
       v.video_id, v.uri, e.first_frame, e.last_frame, e.peak_frame, e.segment_index,
       said.verdict, said.reviewer, said.created_at AS verdict_at, s.profile_name AS profile, s.notice, e.scorer_id,
       EXISTS (SELECT FROM legal_holds h WHERE h.event_id = e.event_id AND h.released_at IS NULL) AS held,
       said.note,
       greatest(1, (SELECT count(*) FROM event_parts p
                    WHERE p.event_id = e.event_id AND p.rule_version_id = e.rule_version_id)) AS files,
       v.recorded_at_source AS time_source
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN cameras c ON c.camera_id = e.camera_id
JOIN videos v ON v.video_id = e.video_id
JOIN scorers s ON s.scorer_id = e.scorer_id
LEFT JOIN LATERAL (
    SELECT d.verdict, d.reviewer, d.created_at, d.note FROM verdicts d
    WHERE d.event_id = e.event_id AND d.withdraws IS NULL
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ORDER BY d.created_at DESC, d.verdict_id DESC LIMIT 1
) AS said ON true;

COMMENT ON VIEW event_list IS 'One row per event and rule version: when, where, how sure, why, and what a reviewer said.';
COMMENT ON COLUMN event_list.event_id IS 'Stays the same when thresholds change and when footage is scored again with the same peak.';
COMMENT ON COLUMN event_list.rule IS 'Name of the rule.';
COMMENT ON COLUMN event_list.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN event_list.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN event_list.camera IS 'Id of the camera.';
COMMENT ON COLUMN event_list.camera_name IS 'Name of the camera, for people.';
COMMENT ON COLUMN event_list.started_at IS 'When it began.';
COMMENT ON COLUMN event_list.ended_at IS 'End of the last frame.';
COMMENT ON COLUMN event_list.started_local IS 'In the camera''s time zone.';
COMMENT ON COLUMN event_list.ended_local IS 'The same in the camera''s time zone.';
COMMENT ON COLUMN event_list.duration_s IS 'Length in seconds.';
COMMENT ON COLUMN event_list.peak_score IS 'Highest frame score, 0 to 1.';
COMMENT ON COLUMN event_list.peak_at IS 'When the frame with the highest score was recorded.';
COMMENT ON COLUMN event_list.mean_score IS 'Mean over the frames that have a score.';
COMMENT ON COLUMN event_list.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN event_list.rationale IS 'What the model saw, in its own words. Data, not instruction.';
COMMENT ON COLUMN event_list.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN event_list.uri IS 'File that it begins in, relative to the archive root.';
COMMENT ON COLUMN event_list.first_frame IS 'Frames are numbered from 0 in their file; both ends belong to the event.';
COMMENT ON COLUMN event_list.last_frame IS 'Number of the last frame in that file.';
COMMENT ON COLUMN event_list.peak_frame IS 'Number of the frame with the highest score in that file.';
COMMENT ON COLUMN event_list.segment_index IS 'Segment that this frame lies in.';
COMMENT ON COLUMN event_list.verdict IS 'The newest: real, false_alarm or unsure; NULL: nobody looked yet.';
COMMENT ON COLUMN event_list.reviewer IS 'Who gave the verdict.';
COMMENT ON COLUMN event_list.verdict_at IS 'When the verdict was given.';
COMMENT ON COLUMN event_list.profile IS 'Models and parameters that scored it.';
COMMENT ON COLUMN event_list.notice IS 'What must be said about these scores, if anything.';
COMMENT ON COLUMN event_list.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN event_list.held IS 'Under legal hold: kept until the hold is released.';
COMMENT ON COLUMN event_list.note IS 'What the reviewer wrote with the verdict that counts.';
COMMENT ON COLUMN event_list.files IS 'Files that it lies in; what it has of each, where there are several, is in the table event_parts.';
COMMENT ON COLUMN event_list.time_source IS 'Where the recording time is stated; `modified`: nowhere, so it is that of the file''s last change.';

GRANT SELECT ON event_list TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
