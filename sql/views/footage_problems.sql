CREATE OR REPLACE VIEW footage_problems AS
SELECT f.uri, f.camera_id AS camera, f.recorded_at, coalesce(f.problem, v.error, array_to_string(v.damage, '; ')) AS problem,
       CASE WHEN f.problem IS NOT NULL THEN 'not registered' ELSE v.state::text END AS state, f.seen_at, f.missing_since
FROM video_files f LEFT JOIN videos v USING (video_id)
WHERE f.problem IS NOT NULL OR v.state IN ('damaged', 'unreadable', 'missing') OR f.missing_since IS NOT NULL;

COMMENT ON VIEW footage_problems IS 'Files that could not be registered or decoded, decoded with damage, or are gone.';
COMMENT ON COLUMN footage_problems.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN footage_problems.camera IS 'Id of the camera.';
COMMENT ON COLUMN footage_problems.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN footage_problems.problem IS 'What is wrong with the file.';
COMMENT ON COLUMN footage_problems.state IS 'not registered, damaged, unreadable or missing; ready: only a copy is gone.';
COMMENT ON COLUMN footage_problems.seen_at IS 'When discovery saw the file last.';
COMMENT ON COLUMN footage_problems.missing_since IS 'Since when the file is gone; NULL: it is there.';

GRANT SELECT ON footage_problems TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
