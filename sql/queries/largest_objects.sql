-- Which events had the largest objects, in the frame where each was largest?
-- :rule text = NULL  -- only this rule; NULL: all
-- :most integer = 50  -- how many
SELECT event_id, rule, camera, frame_local, area, x0, y0, x1, y1, score, uri, frame
FROM (
    SELECT DISTINCT ON (event_id) * FROM event_regions
    WHERE is_current_version AND (:rule IS NULL OR rule = :rule)
    ORDER BY event_id, area DESC, frame
) AS largest
ORDER BY area DESC, event_id
LIMIT :most;
