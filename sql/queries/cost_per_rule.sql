-- What did each rule cost, in time of the scorer?
SELECT r.name AS rule, s.profile_name AS profile, count(*) AS videos,
       sum(u.segments_scored + u.segments_failed) AS segments_asked,
       round((sum(u.work_ms) / 1000)::numeric, 1) AS scorer_seconds,
       round((sum(v.duration_s) / 3600)::numeric, 3) AS footage_hours,
       round((sum(u.work_ms) / 1000 / nullif(sum(v.duration_s), 0))::numeric, 4) AS scorer_seconds_per_footage_second
FROM units u
JOIN scorings g USING (scoring_id)
JOIN rules r USING (rule_id)
JOIN scorers s USING (scorer_id)
JOIN videos v USING (video_id)
GROUP BY r.name, s.profile_name
ORDER BY scorer_seconds DESC, rule;
