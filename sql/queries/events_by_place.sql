-- Which events had their object in the left third of the picture, or between other edges?
-- :left real = 0  -- left edge, as a share of the picture's width
-- :right real = 0.3333  -- right edge
-- :rule text = NULL  -- only this rule; NULL: all
-- :most integer = 50  -- how many
SELECT event_id, rule, camera, min(frame_local) AS first_seen_local, avg(centre_x) AS centre_x, avg(centre_y) AS centre_y, count(*) AS frames
FROM event_regions
WHERE is_current_version AND (:rule IS NULL OR rule = :rule)
GROUP BY event_id, rule, camera
HAVING avg(centre_x) BETWEEN :left AND :right
ORDER BY min(frame_at) DESC, event_id
LIMIT :most;
