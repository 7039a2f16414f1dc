-- Where does the score of an event come from: rule version, models, code, run, footage?
-- :event uuid = (SELECT min(event_id::text)::uuid FROM events)  -- id of the event
SELECT r.name AS rule, rv.version, rv.digest AS rule_digest, rv.author, s.profile_name AS profile, s.digest AS scorer,
       s.revisions, s.code_version AS scorer_code_version, run.kind AS run_kind, run.external_id AS airflow_run,
       run.code_version AS run_code_version, u.finished_at AS scored_at, u.mask_digest AS privacy_mask, v.uri, v.content_sha256, v.recorded_at,
       v.recorded_at_source, v.decoder, e.peak_frame, e.peak_score
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN scorers s USING (scorer_id)
JOIN videos v USING (video_id)
JOIN units u ON (u.video_id, u.scoring_id, u.scorer_id) = (e.video_id, rv.scoring_id, e.scorer_id)
LEFT JOIN scan_runs run USING (run_id)
WHERE e.event_id = :event
ORDER BY rv.version;
