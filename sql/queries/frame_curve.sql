-- How did the score of a rule run over time on one camera, frame by frame?
-- :rule text = (SELECT min(name) FROM rules)  -- name of the rule
-- :camera text = (SELECT min(camera_id) FROM cameras)  -- id of the camera
-- :from timestamptz = (SELECT min(recorded_at) FROM videos)  -- start
-- :until timestamptz = (SELECT min(recorded_at) + interval '1 minute' FROM videos)  -- end
SELECT s.frame_at, v.recorded_at_source AS time_source, s.score, s.status, s.reason, s.uri, s.frame
FROM frame_scores s JOIN videos v USING (video_id)
WHERE rule = :rule AND camera = :camera AND frame_at >= :from AND frame_at < :until
  -- Which segments and files that can be; these conditions are what makes the query fast. No file is longer than a day.
  AND segment_started_at >= :from - interval '10 minutes' AND segment_started_at < :until AND segment_ended_at > :from
  AND video_started_at >= :from - interval '1 day' AND video_started_at < :until AND video_ended_at > :from
ORDER BY s.frame_at, s.frame;
