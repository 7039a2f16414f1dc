CREATE OR REPLACE VIEW event_regions AS
SELECT e.event_id, r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, e.camera_id AS camera,
       v.video_id, v.uri, f.frame, f.frame_at, f.frame_at AT TIME ZONE c.time_zone AS frame_local, f.score,
       f.x0, f.y0, f.x1, f.y1, f.area, f.centre_x, f.centre_y, f.mask_height, f.mask_width, f.mask, f.scorer_id
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN cameras c ON c.camera_id = e.camera_id
CROSS JOIN LATERAL (
    SELECT p.video_id, p.scorer_id, p.first_frame, p.last_frame FROM event_parts p
    WHERE p.event_id = e.event_id AND p.rule_version_id = e.rule_version_id
    UNION ALL
    SELECT e.video_id, e.scorer_id, e.first_frame, e.last_frame
    WHERE NOT EXISTS (SELECT FROM event_parts p WHERE p.event_id = e.event_id AND p.rule_version_id = e.rule_version_id)
) AS part
JOIN frame_regions f ON f.video_id = part.video_id AND f.scoring_id = rv.scoring_id AND f.scorer_id = part.scorer_id
                    AND f.frame BETWEEN part.first_frame AND part.last_frame
                    AND f.frame_at BETWEEN e.started_at AND e.ended_at
JOIN videos v ON v.video_id = part.video_id;

COMMENT ON VIEW event_regions IS 'Where the object of an event is, one row per event, rule version and sampled frame. Positions are shares of the picture''s width and height, 0 to 1. Only scorers that mark pixels (LAVIDA) give any.';
COMMENT ON COLUMN event_regions.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN event_regions.rule IS 'Name of the rule.';
COMMENT ON COLUMN event_regions.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN event_regions.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN event_regions.camera IS 'Id of the camera.';
COMMENT ON COLUMN event_regions.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN event_regions.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN event_regions.frame IS 'Number of the frame in its file, from 0.';
COMMENT ON COLUMN event_regions.frame_at IS 'When the frame was recorded.';
COMMENT ON COLUMN event_regions.frame_local IS 'The same in the camera''s time zone.';
COMMENT ON COLUMN event_regions.score IS 'Of the frame, before smoothing.';
COMMENT ON COLUMN event_regions.x0 IS 'Left edge of what is marked.';
COMMENT ON COLUMN event_regions.y0 IS 'Upper edge of what is marked.';
COMMENT ON COLUMN event_regions.x1 IS 'Right edge of what is marked.';
COMMENT ON COLUMN event_regions.y1 IS 'Lower edge of what is marked.';
COMMENT ON COLUMN event_regions.area IS 'Share of the picture that is marked.';
COMMENT ON COLUMN event_regions.centre_x IS 'Centre of gravity, from the left.';
COMMENT ON COLUMN event_regions.centre_y IS 'Centre of gravity, from the top.';
COMMENT ON COLUMN event_regions.mask_height IS 'Rows of the mask, which covers the whole picture.';
COMMENT ON COLUMN event_regions.mask_width IS 'Columns of the mask.';
COMMENT ON COLUMN event_regions.mask IS 'COCO''s run-length code; see the table frame_regions.';
COMMENT ON COLUMN event_regions.scorer_id IS 'Models and parameters; see the table scorers.';

GRANT SELECT ON event_regions TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
