-- Which files hold the same footage as another one, and were therefore scored once?
SELECT v.video_id, v.camera_id AS scored_as_camera, v.recorded_at AS scored_as_time, f.uri, f.camera_id AS camera,
       f.recorded_at, count(*) OVER (PARTITION BY v.video_id) AS files
FROM video_files f JOIN videos v USING (video_id)
WHERE f.missing_since IS NULL
  AND EXISTS (SELECT FROM video_files o WHERE o.video_id = f.video_id AND o.uri <> f.uri AND o.missing_since IS NULL)
ORDER BY v.video_id, f.uri;
