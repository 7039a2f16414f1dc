-- The longest retention among its cameras counts.
CREATE OR REPLACE VIEW retention_due AS
SELECT v.video_id, v.camera_id AS camera, v.uri, v.recorded_at, k.retention_days, d.due_at,
       EXISTS (SELECT FROM legal_holds h WHERE h.video_id = v.video_id AND h.released_at IS NULL)
       OR EXISTS (SELECT FROM event_parts p JOIN legal_holds h USING (event_id)
                  WHERE p.video_id = v.video_id AND h.released_at IS NULL) AS held
FROM videos v
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(c.retention_days IS NOT NULL) THEN max(c.retention_days) END AS retention_days
    FROM video_cameras p JOIN cameras c USING (camera_id) WHERE p.video_id = v.video_id
) AS k
CROSS JOIN LATERAL (
    SELECT v.recorded_at + make_interval(days => k.retention_days, secs => coalesce(v.duration_s, 0)) AS due_at
) AS d
WHERE v.expired_at IS NULL AND d.due_at < now();

COMMENT ON VIEW retention_due IS 'Videos whose camera''s retention has passed and whose results are still there; of several cameras, the longest counts.';
COMMENT ON COLUMN retention_due.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN retention_due.camera IS 'Id of the camera.';
COMMENT ON COLUMN retention_due.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN retention_due.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN retention_due.retention_days IS 'After how many days results go; NULL: never.';
COMMENT ON COLUMN retention_due.due_at IS 'Since when they may go.';
COMMENT ON COLUMN retention_due.held IS 'An event of it is under legal hold: nothing of it goes.';

GRANT SELECT ON retention_due TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
