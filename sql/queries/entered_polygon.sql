-- What entered this polygon, and was it outside before?
-- :polygon text = '((0,0.5),(1,0.5),(1,1),(0,1))'  -- corners (x,y) as shares of the picture; here its lower half
-- :camera text = NULL  -- only this camera; NULL: all
-- :most integer = 50  -- how many
SELECT event_id, rule, camera, min(frame_local) FILTER (WHERE inside) AS entered_local,
       bool_or(NOT inside AND frame_at < first_inside) AS was_outside_before, max(area) AS largest_area
FROM (
    SELECT r.*, p.inside, min(r.frame_at) FILTER (WHERE p.inside) OVER (PARTITION BY r.event_id, r.version) AS first_inside
    FROM event_regions r
    CROSS JOIN LATERAL (SELECT CAST(:polygon AS polygon) @> point(r.centre_x, r.centre_y) AS inside) AS p
    WHERE r.is_current_version AND (:camera IS NULL OR r.camera = :camera)
) AS seen
WHERE first_inside IS NOT NULL
GROUP BY event_id, rule, camera
ORDER BY min(frame_at) DESC, event_id
LIMIT :most;
