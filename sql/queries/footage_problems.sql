-- Which files could not be used as they are, and why?
SELECT p.uri, p.camera, p.recorded_at, v.recorded_at_source AS time_source, p.state, p.problem, p.missing_since
FROM footage_problems p LEFT JOIN video_files f USING (uri) LEFT JOIN videos v USING (video_id)
ORDER BY p.state, p.uri;
