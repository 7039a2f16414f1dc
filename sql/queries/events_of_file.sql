-- What was found in a file, under whichever of its names?
-- :uri text = (SELECT min(uri) FROM video_files)  -- path under the archive root
SELECT e.rule, e.version, e.started_local, e.time_source, e.duration_s, e.peak_score, e.first_frame, e.last_frame, e.rationale, e.event_id
FROM event_list e JOIN video_files f USING (video_id)
WHERE e.is_current_version AND f.uri = :uri
ORDER BY e.started_at, e.rule;
