-- Where in a frame the object of a rule is.

CREATE TABLE frame_regions (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    frame integer NOT NULL CHECK (frame >= 0),
    frame_at timestamptz NOT NULL,
    score real NOT NULL CHECK (score BETWEEN 0 AND 1),
    x0 real NOT NULL,
    y0 real NOT NULL,
    x1 real NOT NULL,
    y1 real NOT NULL,
    area real NOT NULL CHECK (area > 0 AND area <= 1),
    centre_x real NOT NULL,
    centre_y real NOT NULL,
    mask_height smallint NOT NULL,
    mask_width smallint NOT NULL,
    mask text NOT NULL,
    PRIMARY KEY (video_id, scoring_id, scorer_id, frame, frame_at),
    CHECK (0 <= x0 AND x0 < x1 AND x1 <= 1 AND 0 <= y0 AND y0 < y1 AND y1 <= 1)
) PARTITION BY RANGE (frame_at);

COMMENT ON TABLE frame_regions IS 'What a scorer marks in a sampled frame that scores 0.3 or more; only LAVIDA does. Positions are shares of the picture''s width and height, 0 to 1. One partition per month of footage (UTC).';
COMMENT ON COLUMN frame_regions.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN frame_regions.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN frame_regions.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN frame_regions.frame IS 'Number of the frame in its file, from 0. Of a static scene, the first frame of each segment that takes over an earlier score.';
COMMENT ON COLUMN frame_regions.frame_at IS 'When the frame was recorded.';
COMMENT ON COLUMN frame_regions.score IS 'Of the frame, before smoothing.';
COMMENT ON COLUMN frame_regions.x0 IS 'Left edge of what is marked.';
COMMENT ON COLUMN frame_regions.y0 IS 'Upper edge of what is marked.';
COMMENT ON COLUMN frame_regions.x1 IS 'Right edge of what is marked.';
COMMENT ON COLUMN frame_regions.y1 IS 'Lower edge of what is marked.';
COMMENT ON COLUMN frame_regions.area IS 'Share of the picture that is marked.';
COMMENT ON COLUMN frame_regions.centre_x IS 'Centre of gravity of what is marked, from the left.';
COMMENT ON COLUMN frame_regions.centre_y IS 'Centre of gravity of what is marked, from the top.';
COMMENT ON COLUMN frame_regions.mask_height IS 'Rows of the mask, which covers the whole picture.';
COMMENT ON COLUMN frame_regions.mask_width IS 'Columns of the mask.';
COMMENT ON COLUMN frame_regions.mask IS 'COCO''s run-length code: pycocotools.mask.decode({"size": [mask_height, mask_width], "counts": mask}).';

CREATE FUNCTION ensure_region_partition(moment timestamptz) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    beyond timestamptz := date_trunc('month', moment, 'UTC') + interval '1 month';
    partition text := 'frame_regions_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_region_partition', 0));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE frame_regions INCLUDING ALL)', partition);
    EXECUTE format('ALTER TABLE frame_regions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, beyond);
    RETURN partition;
END $$;
COMMENT ON FUNCTION ensure_region_partition IS 'Makes the partition of frame_regions for the month of a moment, unless it is there; returns its name.';

-- Regions go with the video's other results, in the same transaction, and a hold keeps them with the scores.
CREATE FUNCTION forget_regions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM frame_regions WHERE video_id = NEW.video_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION forget_regions IS 'Removes the regions of a video whose results expire; a trigger of videos.';
CREATE TRIGGER videos_forget_regions AFTER UPDATE OF expired_at ON videos
    FOR EACH ROW WHEN (NEW.expired_at IS NOT NULL) EXECUTE FUNCTION forget_regions();
CREATE TRIGGER frame_regions_held BEFORE DELETE OR UPDATE ON frame_regions
    FOR EACH ROW EXECUTE FUNCTION refuse_held_scores();

REVOKE ALL ON FUNCTION ensure_region_partition(timestamptz), forget_regions() FROM PUBLIC;
GRANT SELECT ON frame_regions TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT, DELETE ON frame_regions TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION ensure_region_partition(timestamptz) TO anyanomaly_writer;
