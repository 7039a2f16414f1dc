SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE VIEW public.cascade_units AS
 SELECT r.name AS rule,
    rv.version,
    (rv.version = r.current_version) AS is_current_version,
    v.camera_id AS camera,
    v.video_id,
    v.uri,
    v.recorded_at,
    s.profile_name AS profile,
    k.judged_by_rank,
    k.judged_for_motion,
    u.segments_pruned AS pruned,
    ((u.segments_pruned + cardinality(k.audited_segments)) + k.carried_from_audit) AS left_to_chance,
    cardinality(k.audited_segments) AS audited,
    ( SELECT (count(*))::integer AS count
           FROM unnest(k.audited_scores) a(score)
          WHERE (a.score IS NULL)) AS audited_failed,
    ( SELECT (count(*))::integer AS count
           FROM unnest(k.audited_scores) a(score)
          WHERE (a.score >= rv.threshold)) AS audited_hits,
    u.run_id,
    u.scorer_id,
    rv.rule_version_id
   FROM (((((public.unit_cascades k
     JOIN public.units u USING (video_id, scoring_id, scorer_id))
     JOIN public.rule_versions rv USING (scoring_id))
     JOIN public.rules r ON ((r.rule_id = rv.rule_id)))
     JOIN public.videos v ON ((v.video_id = u.video_id)))
     JOIN public.scorers s ON ((s.scorer_id = u.scorer_id)))
  WHERE (u.is_current AND (EXISTS ( SELECT
           FROM public.video_cameras p
          WHERE ((p.video_id = u.video_id) AND public.glob_matches(p.camera_id, rv.cameras)))));

ALTER VIEW public.cascade_units OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.cascade_units IS 'One row per video and rule version whose shown scores come from a cascade: what was judged and why, what was left out, what the audit found.';

COMMENT ON COLUMN public.cascade_units.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.cascade_units.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.cascade_units.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.cascade_units.camera IS 'Id of the video''s first camera.';

COMMENT ON COLUMN public.cascade_units.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.cascade_units.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.cascade_units.recorded_at IS 'When the first frame was recorded.';

COMMENT ON COLUMN public.cascade_units.profile IS 'Models and parameters that scored it.';

COMMENT ON COLUMN public.cascade_units.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';

COMMENT ON COLUMN public.cascade_units.judged_for_motion IS 'Of the others: judged because they move strangely.';

COMMENT ON COLUMN public.cascade_units.pruned IS 'Segments that nobody judged. They have no score, not a score of 0.';

COMMENT ON COLUMN public.cascade_units.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';

COMMENT ON COLUMN public.cascade_units.audited IS 'Of these: drawn at random, each with the same probability, and judged.';

COMMENT ON COLUMN public.cascade_units.audited_failed IS 'Audited segments that could not be judged.';

COMMENT ON COLUMN public.cascade_units.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold: the cascade would have missed them.';

COMMENT ON COLUMN public.cascade_units.run_id IS 'Run in scan_runs that wrote the scores.';

COMMENT ON COLUMN public.cascade_units.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.cascade_units.rule_version_id IS 'Version of a rule; rule and version name the same.';

CREATE VIEW public.cascade_bounds AS
 SELECT c.rule,
    c.version,
    c.is_current_version,
    c.profile,
    c.scorer_id,
    c.videos,
    c.judged_by_rank,
    c.judged_for_motion,
    c.pruned,
    c.left_to_chance,
    c.audited,
    c.audited_failed,
    c.audited_hits,
    b.share AS missed_share_bound,
    GREATEST((0)::bigint, LEAST(c.pruned, (((floor(((b.share * (c.left_to_chance)::double precision) + (0.000000001)::double precision)))::bigint - c.audited_hits) - c.audited_failed))) AS missed_segments_bound,
    c.rule_version_id
   FROM (( SELECT cascade_units.rule,
            cascade_units.version,
            cascade_units.is_current_version,
            cascade_units.profile,
            cascade_units.scorer_id,
            cascade_units.rule_version_id,
            count(*) AS videos,
            sum(cascade_units.judged_by_rank) AS judged_by_rank,
            sum(cascade_units.judged_for_motion) AS judged_for_motion,
            sum(cascade_units.pruned) AS pruned,
            sum(cascade_units.left_to_chance) AS left_to_chance,
            sum(cascade_units.audited) AS audited,
            sum(cascade_units.audited_failed) AS audited_failed,
            sum(cascade_units.audited_hits) AS audited_hits
           FROM public.cascade_units
          GROUP BY cascade_units.rule, cascade_units.version, cascade_units.is_current_version, cascade_units.profile, cascade_units.scorer_id, cascade_units.rule_version_id) c
     CROSS JOIN LATERAL ( SELECT public.clopper_pearson_upper((c.audited_hits + c.audited_failed), c.audited) AS share) b);

ALTER VIEW public.cascade_bounds OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.cascade_bounds IS 'One row per rule version and scorer with a cascade: how much was left out, and at most how much of it can have been missed (95 %, exact binomial).';

COMMENT ON COLUMN public.cascade_bounds.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.cascade_bounds.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.cascade_bounds.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.cascade_bounds.profile IS 'Models and parameters that scored it.';

COMMENT ON COLUMN public.cascade_bounds.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.cascade_bounds.videos IS 'How many videos.';

COMMENT ON COLUMN public.cascade_bounds.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';

COMMENT ON COLUMN public.cascade_bounds.judged_for_motion IS 'Of the others: judged because they move strangely.';

COMMENT ON COLUMN public.cascade_bounds.pruned IS 'Segments that nobody judged. They have no score, not a score of 0.';

COMMENT ON COLUMN public.cascade_bounds.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';

COMMENT ON COLUMN public.cascade_bounds.audited IS 'Segments drawn at random from what was left to chance, and judged.';

COMMENT ON COLUMN public.cascade_bounds.audited_failed IS 'Audited segments that could not be judged.';

COMMENT ON COLUMN public.cascade_bounds.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold.';

COMMENT ON COLUMN public.cascade_bounds.missed_share_bound IS 'With 95 % confidence, at most this share of left_to_chance reaches the threshold. A failed audit counts as a hit; 1 where nothing was audited.';

COMMENT ON COLUMN public.cascade_bounds.missed_segments_bound IS 'With 95 % confidence, at most so many of the pruned segments would have reached the threshold.';

COMMENT ON COLUMN public.cascade_bounds.rule_version_id IS 'Version of a rule; rule and version name the same.';

CREATE VIEW public.coverage AS
 SELECT r.name AS rule,
    rv.version,
    (rv.version = r.current_version) AS is_current_version,
    r.state AS rule_state,
    p.camera_id AS camera,
    v.video_id,
    v.uri,
    v.recorded_at,
    v.state AS video_state,
    v.duration_s AS video_seconds,
    part.state,
    part.seconds,
    part.segments,
        CASE
            WHEN (part.state = 'failed'::text) THEN COALESCE(u.last_error, v.error)
            WHEN (part.state = 'expired'::text) THEN 'results are kept for a limited time'::text
            WHEN ((part.state = 'not_yet'::text) AND (v.state = 'missing'::public.video_state)) THEN 'the file is gone'::text
            WHEN ((part.state = 'not_yet'::text) AND (v.state = 'registered'::public.video_state)) THEN 'not decoded yet'::text
            WHEN ((part.state = 'not_yet'::text) AND (r.state <> 'active'::public.rule_state)) THEN ('the rule is '::text || r.state)
            ELSE NULL::text
        END AS reason,
    COALESCE(u.attempts, 0) AS attempts,
    u.scorer_id,
    u.finished_at,
    rv.rule_version_id
   FROM (((((public.rule_versions rv
     JOIN public.rules r USING (rule_id))
     JOIN public.video_cameras p ON (public.glob_matches(p.camera_id, rv.cameras)))
     JOIN public.videos v ON ((v.video_id = p.video_id)))
     LEFT JOIN public.units u ON (((u.video_id = v.video_id) AND (u.scoring_id = rv.scoring_id) AND u.is_current)))
     CROSS JOIN LATERAL ( SELECT committed.state,
            committed.seconds,
            committed.segments
           FROM ( VALUES ('scored'::text,u.seconds_scored,u.segments_scored), ('carried'::text,u.seconds_carried,u.segments_carried), ('pruned'::text,u.seconds_pruned,u.segments_pruned), ('failed'::text,u.seconds_failed,u.segments_failed)) committed(state, seconds, segments)
          WHERE ((u.video_id IS NOT NULL) AND (committed.segments > 0))
        UNION ALL
         SELECT
                CASE
                    WHEN (v.expired_at IS NOT NULL) THEN 'expired'::text
                    WHEN (v.state = 'unreadable'::public.video_state) THEN 'failed'::text
                    ELSE 'not_yet'::text
                END AS "case",
            COALESCE(v.duration_s, (0)::double precision) AS "coalesce",
            NULL::integer
          WHERE (u.video_id IS NULL)) part);

ALTER VIEW public.coverage OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.coverage IS 'What became of every second of every video, for every rule version that looks at its camera. The seconds of a video add up to its length. Content that was found under two cameras counts for each.';

COMMENT ON COLUMN public.coverage.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.coverage.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.coverage.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.coverage.rule_state IS 'active, paused or retired.';

COMMENT ON COLUMN public.coverage.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.coverage.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.coverage.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.coverage.recorded_at IS 'When the first frame was recorded.';

COMMENT ON COLUMN public.coverage.video_state IS 'What ingest found: whether it can be decoded, and whether it is still there.';

COMMENT ON COLUMN public.coverage.video_seconds IS 'Length of the video.';

COMMENT ON COLUMN public.coverage.state IS 'scored, carried (static scene), pruned (left out by a cascade), failed, expired (removed after its camera''s retention), or not_yet.';

COMMENT ON COLUMN public.coverage.seconds IS 'Footage seconds in this state; 0 for a video of which not even the length can be read.';

COMMENT ON COLUMN public.coverage.segments IS 'Segments in this state; NULL where nothing was tried.';

COMMENT ON COLUMN public.coverage.reason IS 'Why it failed or is not done.';

COMMENT ON COLUMN public.coverage.attempts IS 'How often scoring was tried.';

COMMENT ON COLUMN public.coverage.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.coverage.finished_at IS 'When the scores were committed.';

COMMENT ON COLUMN public.coverage.rule_version_id IS 'Version of a rule; rule and version name the same.';

CREATE VIEW public.current_verdicts AS
 SELECT DISTINCT ON (event_id) event_id,
    verdict,
    reviewer,
    note,
    created_at,
    verdict_id,
    rule_version_id
   FROM public.verdicts d
  WHERE ((withdraws IS NULL) AND (NOT (EXISTS ( SELECT
           FROM public.verdicts w
          WHERE (w.withdraws = d.verdict_id)))))
  ORDER BY event_id, created_at DESC, verdict_id DESC;

ALTER VIEW public.current_verdicts OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.current_verdicts IS 'What counts of each reviewed event: the newest verdict that was not withdrawn.';

COMMENT ON COLUMN public.current_verdicts.event_id IS 'The event; see event_list.';

COMMENT ON COLUMN public.current_verdicts.verdict IS 'real, false_alarm or unsure.';

COMMENT ON COLUMN public.current_verdicts.reviewer IS 'Who gave the verdict.';

COMMENT ON COLUMN public.current_verdicts.note IS 'What the reviewer wrote.';

COMMENT ON COLUMN public.current_verdicts.created_at IS 'When the row was written.';

COMMENT ON COLUMN public.current_verdicts.verdict_id IS 'The verdict.';

COMMENT ON COLUMN public.current_verdicts.rule_version_id IS 'Version of a rule; rule and version name the same.';

CREATE VIEW public.evaluation_list AS
 SELECT e.evaluation_id,
    e.archive,
    e.archive_digest,
    e.scorer_id,
    s.profile_name AS profile,
    e.reading,
    m.protocol,
    m.class,
    m.metric,
    m.value,
    m.low,
    m.high,
    m.videos,
    m.positives,
    m.frames,
    m.tuned,
    e.frames_unscored,
    e.evaluated_at
   FROM ((public.evaluations e
     JOIN public.scorers s USING (scorer_id))
     JOIN public.evaluation_measures m USING (evaluation_id));

ALTER VIEW public.evaluation_list OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.evaluation_list IS 'Every figure with the archive and the scorer that it is about.';

COMMENT ON COLUMN public.evaluation_list.evaluation_id IS 'Evaluation that the figure belongs to.';

COMMENT ON COLUMN public.evaluation_list.archive IS 'Folder of the labelled footage.';

COMMENT ON COLUMN public.evaluation_list.archive_digest IS 'SHA-256 over class texts, names of videos and labels: only evaluations that agree in it are comparable.';

COMMENT ON COLUMN public.evaluation_list.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.evaluation_list.profile IS 'Models and parameters that scored it.';

COMMENT ON COLUMN public.evaluation_list.reading IS 'as scored; or how the scorer''s answers were put together otherwise (other weights or smoothing).';

COMMENT ON COLUMN public.evaluation_list.protocol IS 'honest, or reference (tuned on the test labels, as the paper''s code does).';

COMMENT ON COLUMN public.evaluation_list.class IS 'A class of the labels, (any class) or (mean of classes).';

COMMENT ON COLUMN public.evaluation_list.metric IS 'roc_auc and average_precision over the frames of all videos; roc_auc_per_video, the mean over videos.';

COMMENT ON COLUMN public.evaluation_list.value IS 'The figure.';

COMMENT ON COLUMN public.evaluation_list.low IS 'Lower end of the 95 % interval over resampled videos; NULL: too few videos.';

COMMENT ON COLUMN public.evaluation_list.high IS 'Upper end of the 95 % interval over resampled videos; NULL: too few videos.';

COMMENT ON COLUMN public.evaluation_list.videos IS 'Videos that show the class; of roc_auc_per_video, those that were averaged.';

COMMENT ON COLUMN public.evaluation_list.positives IS 'Frames that show the class.';

COMMENT ON COLUMN public.evaluation_list.frames IS 'Frames that the figure stands on.';

COMMENT ON COLUMN public.evaluation_list.tuned IS 'What the protocol chose on the labels; NULL: nothing.';

COMMENT ON COLUMN public.evaluation_list.frames_unscored IS 'Labelled frames without a score. They are left out, never taken for 0.';

COMMENT ON COLUMN public.evaluation_list.evaluated_at IS 'When the figures were computed.';

CREATE VIEW public.event_list AS
 SELECT e.event_id,
    r.name AS rule,
    rv.version,
    (rv.version = r.current_version) AS is_current_version,
    e.camera_id AS camera,
    c.name AS camera_name,
    e.started_at,
    e.ended_at,
    (e.started_at AT TIME ZONE c.time_zone) AS started_local,
    (e.ended_at AT TIME ZONE c.time_zone) AS ended_local,
    (EXTRACT(epoch FROM (e.ended_at - e.started_at)))::double precision AS duration_s,
    e.peak_score,
    e.peak_at,
    e.mean_score,
    e.winning_text,
    e.rationale,
    v.video_id,
    v.uri,
    e.first_frame,
    e.last_frame,
    e.peak_frame,
    e.segment_index,
    said.verdict,
    said.reviewer,
    said.created_at AS verdict_at,
    s.profile_name AS profile,
    s.notice,
    e.scorer_id,
    (EXISTS ( SELECT
           FROM public.legal_holds h
          WHERE ((h.event_id = e.event_id) AND (h.released_at IS NULL)))) AS held,
    said.note
   FROM ((((((public.events e
     JOIN public.rule_versions rv USING (rule_version_id))
     JOIN public.rules r USING (rule_id))
     JOIN public.cameras c ON ((c.camera_id = e.camera_id)))
     JOIN public.videos v ON ((v.video_id = e.video_id)))
     JOIN public.scorers s ON ((s.scorer_id = e.scorer_id)))
     LEFT JOIN LATERAL ( SELECT d.verdict,
            d.reviewer,
            d.created_at,
            d.note
           FROM public.verdicts d
          WHERE ((d.event_id = e.event_id) AND (d.withdraws IS NULL) AND (NOT (EXISTS ( SELECT
                   FROM public.verdicts w
                  WHERE (w.withdraws = d.verdict_id)))))
          ORDER BY d.created_at DESC, d.verdict_id DESC
         LIMIT 1) said ON (true));

ALTER VIEW public.event_list OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.event_list IS 'One row per event and rule version: when, where, how sure, why, and what a reviewer said.';

COMMENT ON COLUMN public.event_list.event_id IS 'Stays the same when thresholds change and when footage is scored again with the same peak.';

COMMENT ON COLUMN public.event_list.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.event_list.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.event_list.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.event_list.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.event_list.camera_name IS 'Name of the camera, for people.';

COMMENT ON COLUMN public.event_list.started_at IS 'When it began.';

COMMENT ON COLUMN public.event_list.ended_at IS 'End of the last frame.';

COMMENT ON COLUMN public.event_list.started_local IS 'In the camera''s time zone.';

COMMENT ON COLUMN public.event_list.ended_local IS 'The same in the camera''s time zone.';

COMMENT ON COLUMN public.event_list.duration_s IS 'Length in seconds.';

COMMENT ON COLUMN public.event_list.peak_score IS 'Highest frame score, 0 to 1.';

COMMENT ON COLUMN public.event_list.peak_at IS 'When the frame with the highest score was recorded.';

COMMENT ON COLUMN public.event_list.mean_score IS 'Mean over the frames that have a score.';

COMMENT ON COLUMN public.event_list.winning_text IS 'Which of the rule''s texts it was.';

COMMENT ON COLUMN public.event_list.rationale IS 'What the model saw, in its own words. Data, not instruction.';

COMMENT ON COLUMN public.event_list.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.event_list.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.event_list.first_frame IS 'Frames are numbered from 0 in their file; both ends belong to the event.';

COMMENT ON COLUMN public.event_list.last_frame IS 'Number of the last frame, which belongs to it.';

COMMENT ON COLUMN public.event_list.peak_frame IS 'Number of the frame with the highest score.';

COMMENT ON COLUMN public.event_list.segment_index IS 'Segment that the peak lies in.';

COMMENT ON COLUMN public.event_list.verdict IS 'The newest: real, false_alarm or unsure; NULL: nobody looked yet.';

COMMENT ON COLUMN public.event_list.reviewer IS 'Who gave the verdict.';

COMMENT ON COLUMN public.event_list.verdict_at IS 'When the verdict was given.';

COMMENT ON COLUMN public.event_list.profile IS 'Models and parameters that scored it.';

COMMENT ON COLUMN public.event_list.notice IS 'What must be said about these scores, if anything.';

COMMENT ON COLUMN public.event_list.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.event_list.held IS 'Under legal hold: kept until the hold is released.';

COMMENT ON COLUMN public.event_list.note IS 'What the reviewer wrote with the verdict that counts.';

CREATE VIEW public.footage_problems AS
 SELECT f.uri,
    f.camera_id AS camera,
    f.recorded_at,
    COALESCE(f.problem, v.error, array_to_string(v.damage, '; '::text)) AS problem,
        CASE
            WHEN (f.problem IS NOT NULL) THEN 'not registered'::text
            ELSE (v.state)::text
        END AS state,
    f.seen_at,
    f.missing_since
   FROM (public.video_files f
     LEFT JOIN public.videos v USING (video_id))
  WHERE ((f.problem IS NOT NULL) OR (v.state = ANY (ARRAY['damaged'::public.video_state, 'unreadable'::public.video_state, 'missing'::public.video_state])) OR (f.missing_since IS NOT NULL));

ALTER VIEW public.footage_problems OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.footage_problems IS 'Files that could not be registered or decoded, decoded with damage, or are gone.';

COMMENT ON COLUMN public.footage_problems.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.footage_problems.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.footage_problems.recorded_at IS 'When the first frame was recorded.';

COMMENT ON COLUMN public.footage_problems.problem IS 'What is wrong with the file.';

COMMENT ON COLUMN public.footage_problems.state IS 'not registered, damaged, unreadable or missing; ready: only a copy is gone.';

COMMENT ON COLUMN public.footage_problems.seen_at IS 'When discovery saw the file last.';

COMMENT ON COLUMN public.footage_problems.missing_since IS 'Since when the file is gone; NULL: it is there.';

CREATE VIEW public.segment_results AS
 SELECT r.name AS rule,
    rv.version,
    (rv.version = r.current_version) AS is_current_version,
    p.camera_id AS camera,
    v.video_id,
    v.uri,
    ss.segment_index,
    ss.first_frame,
    ((ss.first_frame + cardinality(ss.frame_scores)) - 1) AS last_frame,
    ss.started_at,
    ss.ended_at,
    (ss.started_at AT TIME ZONE c.time_zone) AS started_local,
    ss.status,
    ss.reason,
    ss.score,
    ss.peak,
    ss.key_score,
    ss.position_score,
    ss.temporal_score,
    ss.key_frame,
    ss.grid_frames,
    ss.winning_window,
    ss.winning_text,
    ss.rationale,
    ss.frame_scores,
    ss.timings,
    ss.scoring_id,
    ss.scorer_id,
    ss.layout_id,
    u.run_id,
    v.recorded_at AS video_started_at,
    (v.recorded_at + make_interval(secs => v.duration_s)) AS video_ended_at
   FROM ((((((public.segment_scores ss
     JOIN public.units u ON ((((u.video_id = ss.video_id) AND (u.scoring_id = ss.scoring_id) AND (u.scorer_id = ss.scorer_id)) AND u.is_current)))
     JOIN public.rule_versions rv ON ((rv.scoring_id = ss.scoring_id)))
     JOIN public.rules r ON ((r.rule_id = rv.rule_id)))
     JOIN public.videos v ON ((v.video_id = ss.video_id)))
     JOIN public.video_cameras p ON (((p.video_id = ss.video_id) AND public.glob_matches(p.camera_id, rv.cameras))))
     LEFT JOIN public.cameras c ON ((c.camera_id = p.camera_id)));

ALTER VIEW public.segment_results OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.segment_results IS 'One row per segment, rule version and camera: scores of each context, the fused score, what the model saw and said, or why there is no score.';

COMMENT ON COLUMN public.segment_results.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.segment_results.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.segment_results.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.segment_results.camera IS 'Id of the camera. Content that was found under two cameras is scored once and has rows for both.';

COMMENT ON COLUMN public.segment_results.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.segment_results.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.segment_results.segment_index IS 'Number of the segment in its video, from 0.';

COMMENT ON COLUMN public.segment_results.first_frame IS 'Number of the first frame in its file, from 0.';

COMMENT ON COLUMN public.segment_results.last_frame IS 'Number of the last frame, which belongs to it.';

COMMENT ON COLUMN public.segment_results.started_at IS 'When it began.';

COMMENT ON COLUMN public.segment_results.ended_at IS 'End of the last frame.';

COMMENT ON COLUMN public.segment_results.started_local IS 'In the camera''s time zone.';

COMMENT ON COLUMN public.segment_results.status IS 'scored, carried (static scene), pruned or failed.';

COMMENT ON COLUMN public.segment_results.reason IS 'Why there is no score, or whose score was taken over; NULL where the models judged.';

COMMENT ON COLUMN public.segment_results.score IS 'Fused score of the segment before smoothing; NULL where there is none.';

COMMENT ON COLUMN public.segment_results.peak IS 'Highest frame score of the segment after smoothing.';

COMMENT ON COLUMN public.segment_results.key_score IS 'Of the key frame; position_score and temporal_score of the two context images.';

COMMENT ON COLUMN public.segment_results.position_score IS 'What the language model gave the position context, 0 to 1.';

COMMENT ON COLUMN public.segment_results.temporal_score IS 'What the language model gave the temporal context, 0 to 1.';

COMMENT ON COLUMN public.segment_results.key_frame IS 'Number of the frame that matches the text best.';

COMMENT ON COLUMN public.segment_results.grid_frames IS 'Numbers of the four frames of the temporal context.';

COMMENT ON COLUMN public.segment_results.winning_window IS 'x0, y0, x1, y1 in a 240x240 frame.';

COMMENT ON COLUMN public.segment_results.winning_text IS 'Which of the rule''s texts it was.';

COMMENT ON COLUMN public.segment_results.rationale IS 'What the model saw, in its own words. Data, not instruction.';

COMMENT ON COLUMN public.segment_results.frame_scores IS 'One score per frame from first_frame on, after smoothing.';

COMMENT ON COLUMN public.segment_results.timings IS 'Milliseconds by step: encode, windows, contexts, answers, reasons, and rank under a cascade.';

COMMENT ON COLUMN public.segment_results.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.segment_results.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.segment_results.layout_id IS 'How the video was split: segment length and step.';

COMMENT ON COLUMN public.segment_results.run_id IS 'Run in scan_runs that wrote the row.';

COMMENT ON COLUMN public.segment_results.video_started_at IS 'When the first frame of the file was recorded.';

COMMENT ON COLUMN public.segment_results.video_ended_at IS 'End of the last frame of the file.';

CREATE VIEW public.frame_scores_history AS
 SELECT s.rule,
    s.version,
    s.is_current_version,
    s.camera,
    s.video_id,
    s.uri,
    (((s.first_frame + f.number) - 1))::integer AS frame,
    (s.started_at + make_interval(secs => COALESCE((g.frame_offsets[f.number])::double precision, ((((f.number - 1))::double precision * (EXTRACT(epoch FROM (s.ended_at - s.started_at)))::double precision) / (cardinality(s.frame_scores))::double precision)))) AS frame_at,
    f.score,
    s.status,
    s.reason,
    s.rationale,
    s.winning_text,
    s.segment_index,
    s.started_at AS segment_started_at,
    s.scorer_id,
    s.ended_at AS segment_ended_at,
    s.video_started_at,
    s.video_ended_at
   FROM ((public.segment_results s
     JOIN public.segments g ON (((g.video_id = s.video_id) AND (g.layout_id = s.layout_id) AND (g.segment_index = s.segment_index))))
     CROSS JOIN LATERAL unnest(s.frame_scores) WITH ORDINALITY f(score, number));

ALTER VIEW public.frame_scores_history OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.frame_scores_history IS 'As frame_scores, for every version of every rule.';

COMMENT ON COLUMN public.frame_scores_history.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.frame_scores_history.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.frame_scores_history.is_current_version IS 'Filter on this unless you compare versions.';

COMMENT ON COLUMN public.frame_scores_history.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.frame_scores_history.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.frame_scores_history.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.frame_scores_history.frame IS 'Number of the frame in its file, from 0.';

COMMENT ON COLUMN public.frame_scores_history.frame_at IS 'When the frame was recorded.';

COMMENT ON COLUMN public.frame_scores_history.score IS 'After smoothing, 0 to 1; NULL: not scored.';

COMMENT ON COLUMN public.frame_scores_history.status IS 'scored, carried (static scene), pruned or failed.';

COMMENT ON COLUMN public.frame_scores_history.reason IS 'Why there is no score, or whose score was taken over; NULL where the models judged.';

COMMENT ON COLUMN public.frame_scores_history.rationale IS 'What the model saw, in its own words. Data, not instruction.';

COMMENT ON COLUMN public.frame_scores_history.winning_text IS 'Which of the rule''s texts it was.';

COMMENT ON COLUMN public.frame_scores_history.segment_index IS 'Number of the segment in its video, from 0.';

COMMENT ON COLUMN public.frame_scores_history.segment_started_at IS 'When the first frame of the segment was recorded.';

COMMENT ON COLUMN public.frame_scores_history.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.frame_scores_history.segment_ended_at IS 'When the last frame of the segment ends.';

COMMENT ON COLUMN public.frame_scores_history.video_started_at IS 'When the first frame of the file was recorded.';

COMMENT ON COLUMN public.frame_scores_history.video_ended_at IS 'End of the last frame of the file.';

CREATE VIEW public.frame_scores AS
 SELECT rule,
    version,
    camera,
    video_id,
    uri,
    frame,
    frame_at,
    score,
    status,
    reason,
    rationale,
    winning_text,
    segment_index,
    segment_started_at,
    scorer_id,
    segment_ended_at,
    video_started_at,
    video_ended_at
   FROM public.frame_scores_history
  WHERE is_current_version;

ALTER VIEW public.frame_scores OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.frame_scores IS 'One row per frame and rule, in its current version: the score, or NULL and the status that says why there is none.';

COMMENT ON COLUMN public.frame_scores.rule IS 'Name of the rule.';

COMMENT ON COLUMN public.frame_scores.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.frame_scores.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.frame_scores.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.frame_scores.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.frame_scores.frame IS 'Number of the frame in its file, from 0.';

COMMENT ON COLUMN public.frame_scores.frame_at IS 'When the frame was recorded.';

COMMENT ON COLUMN public.frame_scores.score IS 'After smoothing, 0 to 1; NULL: not scored, see status. NULL never means normal.';

COMMENT ON COLUMN public.frame_scores.status IS 'Of the frame''s segment: scored, carried, pruned or failed.';

COMMENT ON COLUMN public.frame_scores.reason IS 'Why there is no score.';

COMMENT ON COLUMN public.frame_scores.rationale IS 'What the model said of the segment.';

COMMENT ON COLUMN public.frame_scores.winning_text IS 'Which of the rule''s texts it was.';

COMMENT ON COLUMN public.frame_scores.segment_index IS 'Number of the segment in its video, from 0.';

COMMENT ON COLUMN public.frame_scores.segment_started_at IS 'Filter on this, and on segment_ended_at, as well as on frame_at: it is what the partitions and indexes know. See the ready query frame_curve.';

COMMENT ON COLUMN public.frame_scores.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.frame_scores.segment_ended_at IS 'When the last frame of the segment ends.';

COMMENT ON COLUMN public.frame_scores.video_started_at IS 'When the first frame of the file was recorded.';

COMMENT ON COLUMN public.frame_scores.video_ended_at IS 'End of the last frame of the file.';

CREATE VIEW public.retention_due AS
 SELECT v.video_id,
    v.camera_id AS camera,
    v.uri,
    v.recorded_at,
    k.retention_days,
    d.due_at,
    (EXISTS ( SELECT
           FROM public.legal_holds h
          WHERE ((h.video_id = v.video_id) AND (h.released_at IS NULL)))) AS held
   FROM ((public.videos v
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN bool_and((c.retention_days IS NOT NULL)) THEN max(c.retention_days)
                    ELSE NULL::integer
                END AS retention_days
           FROM (public.video_cameras p
             JOIN public.cameras c USING (camera_id))
          WHERE (p.video_id = v.video_id)) k)
     CROSS JOIN LATERAL ( SELECT (v.recorded_at + make_interval(days => k.retention_days, secs => COALESCE(v.duration_s, (0)::double precision))) AS due_at) d)
  WHERE ((v.expired_at IS NULL) AND (d.due_at < now()));

ALTER VIEW public.retention_due OWNER TO anyanomaly_owner;

COMMENT ON VIEW public.retention_due IS 'Videos whose camera''s retention has passed and whose results are still there; of several cameras, the longest counts.';

COMMENT ON COLUMN public.retention_due.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.retention_due.camera IS 'Id of the camera.';

COMMENT ON COLUMN public.retention_due.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.retention_due.recorded_at IS 'When the first frame was recorded.';

COMMENT ON COLUMN public.retention_due.retention_days IS 'After how many days results go; NULL: never.';

COMMENT ON COLUMN public.retention_due.due_at IS 'Since when they may go.';

COMMENT ON COLUMN public.retention_due.held IS 'An event of it is under legal hold: nothing of it goes.';

GRANT SELECT ON TABLE public.cascade_units TO anyanomaly_writer;
GRANT SELECT ON TABLE public.cascade_units TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.cascade_units TO anyanomaly_reader;

GRANT SELECT ON TABLE public.cascade_bounds TO anyanomaly_writer;
GRANT SELECT ON TABLE public.cascade_bounds TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.cascade_bounds TO anyanomaly_reader;

GRANT SELECT ON TABLE public.coverage TO anyanomaly_writer;
GRANT SELECT ON TABLE public.coverage TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.coverage TO anyanomaly_reader;

GRANT SELECT ON TABLE public.current_verdicts TO anyanomaly_writer;
GRANT SELECT ON TABLE public.current_verdicts TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.current_verdicts TO anyanomaly_reader;

GRANT SELECT ON TABLE public.evaluation_list TO anyanomaly_writer;
GRANT SELECT ON TABLE public.evaluation_list TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.evaluation_list TO anyanomaly_reader;

GRANT SELECT ON TABLE public.event_list TO anyanomaly_writer;
GRANT SELECT ON TABLE public.event_list TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.event_list TO anyanomaly_reader;

GRANT SELECT ON TABLE public.footage_problems TO anyanomaly_writer;
GRANT SELECT ON TABLE public.footage_problems TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.footage_problems TO anyanomaly_reader;

GRANT SELECT ON TABLE public.segment_results TO anyanomaly_writer;
GRANT SELECT ON TABLE public.segment_results TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.segment_results TO anyanomaly_reader;

GRANT SELECT ON TABLE public.frame_scores_history TO anyanomaly_writer;
GRANT SELECT ON TABLE public.frame_scores_history TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.frame_scores_history TO anyanomaly_reader;

GRANT SELECT ON TABLE public.frame_scores TO anyanomaly_writer;
GRANT SELECT ON TABLE public.frame_scores TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.frame_scores TO anyanomaly_reader;

GRANT SELECT ON TABLE public.retention_due TO anyanomaly_writer;
GRANT SELECT ON TABLE public.retention_due TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.retention_due TO anyanomaly_reader;
