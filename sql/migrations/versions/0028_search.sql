-- What the encoder sees in every segment of the footage, and the questions that were put to it.

CREATE TABLE encoders (
    encoder_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE,
    model text NOT NULL,
    pretrained text,
    revision text NOT NULL,
    dimensions integer NOT NULL CHECK (dimensions > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE encoders IS 'Image-text encoders that made vectors. Vectors of two encoders cannot be compared.';
COMMENT ON COLUMN encoders.encoder_id IS 'The encoder.';
COMMENT ON COLUMN encoders.digest IS 'SHA-256 over everything that a vector depends on besides the picture and its privacy mask.';
COMMENT ON COLUMN encoders.model IS 'As the profile calls it.';
COMMENT ON COLUMN encoders.pretrained IS 'open_clip weights tag, where the model is an architecture.';
COMMENT ON COLUMN encoders.revision IS 'Hub revision, or hash of the weights.';
COMMENT ON COLUMN encoders.dimensions IS 'Numbers in a vector.';
COMMENT ON COLUMN encoders.created_at IS 'When it first made vectors.';

CREATE TABLE indexed_videos (
    video_id bigint NOT NULL REFERENCES videos,
    encoder_id integer NOT NULL REFERENCES encoders,
    layout_id smallint NOT NULL REFERENCES segment_layouts,
    recorded_at timestamptz NOT NULL,
    mask_digest text,
    segments integer NOT NULL CHECK (segments >= 0),
    same_as integer[] NOT NULL,
    vectors integer NOT NULL CHECK (vectors >= 0),
    error text,
    attempts integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    work_ms real NOT NULL,
    run_id bigint REFERENCES scan_runs,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, encoder_id),
    CHECK (cardinality(same_as) <= segments)
);
COMMENT ON TABLE indexed_videos IS 'Which video is in the index of which encoder; written with its vectors in one transaction.';
COMMENT ON COLUMN indexed_videos.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN indexed_videos.encoder_id IS 'Encoder that made the vectors.';
COMMENT ON COLUMN indexed_videos.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN indexed_videos.recorded_at IS 'Recording time that the vectors go by; a corrected clock makes the video missing from the index again.';
COMMENT ON COLUMN indexed_videos.mask_digest IS 'SHA-256 of the camera''s privacy mask that the encoder saw the video through; NULL: it had none.';
COMMENT ON COLUMN indexed_videos.segments IS 'Segments of the video.';
COMMENT ON COLUMN indexed_videos.same_as IS 'For each segment that could be decoded, in order, the one whose static scene it continues, or itself. Only the latter have vectors.';
COMMENT ON COLUMN indexed_videos.vectors IS 'Rows in footage_vectors.';
COMMENT ON COLUMN indexed_videos.error IS 'Why segments are missing; NULL: none is.';
COMMENT ON COLUMN indexed_videos.attempts IS 'How often it was tried.';
COMMENT ON COLUMN indexed_videos.work_ms IS 'Time that it took.';
COMMENT ON COLUMN indexed_videos.run_id IS 'Run in scan_runs.';
COMMENT ON COLUMN indexed_videos.finished_at IS 'When it was committed.';

CREATE TABLE footage_vectors (
    video_id bigint NOT NULL,
    started_at timestamptz NOT NULL,
    encoder_id integer NOT NULL,
    segment_index integer NOT NULL,
    frame integer NOT NULL,
    part smallint NOT NULL CHECK (part >= 0),
    x0 smallint NOT NULL,
    y0 smallint NOT NULL,
    x1 smallint NOT NULL,
    y1 smallint NOT NULL,
    embedding halfvec NOT NULL,
    PRIMARY KEY (video_id, encoder_id, segment_index, part, started_at)
) PARTITION BY RANGE (started_at);
-- Vectors are random to a compressor, and a vector beside its row is one more page to read.
ALTER TABLE footage_vectors ALTER COLUMN embedding SET STORAGE PLAIN;
COMMENT ON TABLE footage_vectors IS 'What the encoder sees in a segment: the whole frame, and windows of it that show what no vector before them does. One partition per month of footage (UTC). Nobody reads it: search_results does.';
COMMENT ON COLUMN footage_vectors.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN footage_vectors.started_at IS 'Recording time of the segment''s first frame.';
COMMENT ON COLUMN footage_vectors.encoder_id IS 'Encoder that made the vector.';
COMMENT ON COLUMN footage_vectors.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN footage_vectors.frame IS 'Number of the frame in its file, from 0.';
COMMENT ON COLUMN footage_vectors.part IS '0: the whole frame; from 1 on: windows of it, the newest first.';
COMMENT ON COLUMN footage_vectors.x0 IS 'Left edge of the part in a 240x240 frame.';
COMMENT ON COLUMN footage_vectors.y0 IS 'Upper edge of the part in a 240x240 frame.';
COMMENT ON COLUMN footage_vectors.x1 IS 'Right edge of the part in a 240x240 frame.';
COMMENT ON COLUMN footage_vectors.y1 IS 'Lower edge of the part in a 240x240 frame.';
COMMENT ON COLUMN footage_vectors.embedding IS 'Of length 1, in half precision.';

CREATE FUNCTION ensure_vector_partition(moment timestamptz) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    beyond timestamptz := date_trunc('month', moment, 'UTC') + interval '1 month';
    partition text := 'footage_vectors_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_vector_partition', 0));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE footage_vectors INCLUDING ALL)', partition);
    EXECUTE format('ALTER TABLE footage_vectors ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, beyond);
    RETURN partition;
END $$;
COMMENT ON FUNCTION ensure_vector_partition IS 'Makes the partition of footage_vectors for the month of a moment, unless it is there; returns its name.';

-- A video whose results expire, or which another content replaces, leaves the index in the same transaction.
CREATE FUNCTION forget_vectors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM footage_vectors WHERE video_id = NEW.video_id;
    DELETE FROM indexed_videos WHERE video_id = NEW.video_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION forget_vectors IS 'Removes the vectors of a video; a trigger of videos.';
CREATE TRIGGER videos_leave_the_index AFTER UPDATE OF expired_at, replaced_by ON videos
    FOR EACH ROW WHEN (NEW.expired_at IS NOT NULL OR NEW.replaced_by IS NOT NULL) EXECUTE FUNCTION forget_vectors();

CREATE TABLE searches (
    search_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question text NOT NULL CHECK (btrim(question) <> ''),
    encoder_id integer REFERENCES encoders,
    query halfvec,
    cameras text[],
    first_day date,
    last_day date,
    case_number text CHECK (btrim(case_number) <> ''),
    searched_by text NOT NULL CHECK (btrim(searched_by) <> ''),
    database_user text NOT NULL DEFAULT session_user,
    searched_at timestamptz NOT NULL DEFAULT now(),
    refused text,
    noted_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (refused IS NOT NULL OR (query IS NOT NULL AND encoder_id IS NOT NULL))
);
COMMENT ON TABLE searches IS 'Every question that was put to the footage, answered or refused: who, what, why. Rows are added, never changed.';
COMMENT ON COLUMN searches.search_id IS 'The search.';
COMMENT ON COLUMN searches.question IS 'The sentence; or which picture or event was looked for.';
COMMENT ON COLUMN searches.encoder_id IS 'Encoder of the vector, and of those it is compared with.';
COMMENT ON COLUMN searches.query IS 'The question as the encoder sees it: what was compared.';
COMMENT ON COLUMN searches.cameras IS 'Ids of the cameras that were searched; NULL: all.';
COMMENT ON COLUMN searches.first_day IS 'First day of footage in the camera''s time zone; NULL: from the oldest on.';
COMMENT ON COLUMN searches.last_day IS 'Last day of footage, inclusive; NULL: up to the newest.';
COMMENT ON COLUMN searches.case_number IS 'Why: a case number, a request.';
COMMENT ON COLUMN searches.searched_by IS 'Who searched, as the program says.';
COMMENT ON COLUMN searches.database_user IS 'Login that searched.';
COMMENT ON COLUMN searches.searched_at IS 'When.';
COMMENT ON COLUMN searches.refused IS 'Why it was refused; NULL: it was answered.';
COMMENT ON COLUMN searches.noted_in IS 'Transaction that noted it. It is answered in a later one, so that nobody takes the answer and rolls the note back.';

CREATE TRIGGER searches_never_change BEFORE UPDATE OR DELETE ON searches FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION note_search(
    question text, query halfvec, encoder_id integer, cameras text[], first_day date, last_day date,
    case_number text, searched_by text, refused text DEFAULT NULL, OUT search_id bigint, OUT refusal text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    refusal := refused;
    IF NOT (pg_has_role(session_user, 'anyanomaly_reviewer', 'MEMBER') OR pg_has_role(session_user, 'anyanomaly_writer', 'MEMBER')
            OR pg_has_role(session_user, 'anyanomaly_owner', 'MEMBER')) THEN
        refusal := format('%s may not search footage', session_user);
    END IF;
    INSERT INTO searches (question, query, encoder_id, cameras, first_day, last_day, case_number, searched_by, refused)
    VALUES (question, query, encoder_id, cameras, first_day, last_day, case_number, searched_by, refusal)
    RETURNING searches.search_id INTO search_id;
END $$;
COMMENT ON FUNCTION note_search IS 'Notes who searches for what, and why. Commit it; then search_results answers. refusal says why it will not.';

CREATE FUNCTION search_results(wanted bigint, most integer DEFAULT 100)
    RETURNS TABLE (video_id bigint, segment_index integer, camera text, started_at timestamptz, ended_at timestamptz,
                   uri text, frame integer, x0 smallint, y0 smallint, x1 smallint, y1 smallint, similarity double precision)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked searches;
    narrowed boolean;
BEGIN
    SELECT * INTO asked FROM searches s WHERE s.search_id = wanted AND s.database_user = session_user;
    IF asked.search_id IS NULL THEN
        RAISE EXCEPTION 'search % was not noted by %', wanted, session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF asked.refused IS NOT NULL THEN
        RAISE EXCEPTION 'search % was refused: %', wanted, asked.refused USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF asked.noted_in = pg_current_xact_id_if_assigned() THEN
        RAISE EXCEPTION 'commit the note of search % first', wanted USING ERRCODE = 'insufficient_privilege';
    END IF;
    narrowed := asked.cameras IS NOT NULL OR asked.first_day IS NOT NULL OR asked.last_day IS NOT NULL;
    -- Put together at each call, so that months that cannot matter are not opened: a day is one of the camera's own zone.
    RETURN QUERY EXECUTE
        CASE WHEN narrowed THEN
        'WITH chosen AS MATERIALIZED (
            SELECT v.video_id, coalesce($3::timestamp AT TIME ZONE c.time_zone, ''-infinity'') AS first,
                   coalesce(($4 + 1)::timestamp AT TIME ZONE c.time_zone, ''infinity'') AS beyond
            FROM videos v JOIN cameras c USING (camera_id)
            WHERE ($5 IS NULL OR EXISTS (
                    SELECT FROM video_cameras p WHERE p.video_id = v.video_id AND p.camera_id = ANY ($5)))
              AND v.recorded_at < coalesce($4 + 2, ''infinity'')
              AND v.recorded_at + make_interval(secs => coalesce(v.duration_s, 0)) >= coalesce($3 - 1, ''-infinity'')
        ), ' ELSE 'WITH ' END
        || 'nearest AS MATERIALIZED (
            SELECT f.video_id, f.segment_index, f.started_at, f.frame, f.x0, f.y0, f.x1, f.y1, f.embedding <#> $1 AS distance
            FROM footage_vectors f '
        || CASE WHEN narrowed THEN
            'JOIN chosen c ON c.video_id = f.video_id AND f.started_at >= c.first AND f.started_at < c.beyond
             WHERE f.started_at >= coalesce($3 - 1, ''-infinity'') AND f.started_at < coalesce($4 + 2, ''infinity'') AND '
           ELSE 'WHERE ' END
        || 'f.encoder_id = $2 ORDER BY distance LIMIT 4 * $6
        ), best AS (
            SELECT DISTINCT ON (n.video_id, n.segment_index) n.* FROM nearest n
            ORDER BY n.video_id, n.segment_index, n.distance
        )
        SELECT b.video_id, b.segment_index,
               coalesce((SELECT min(p.camera_id) FROM video_cameras p
                         WHERE p.video_id = b.video_id AND p.camera_id = ANY ($5)), v.camera_id),
               b.started_at, v.recorded_at + make_interval(secs => s.end_s), v.uri, b.frame, b.x0, b.y0, b.x1, b.y1,
               -b.distance
        FROM best b
        JOIN videos v USING (video_id)
        JOIN indexed_videos i ON i.video_id = b.video_id AND i.encoder_id = $2
        JOIN segments s ON s.video_id = b.video_id AND s.layout_id = i.layout_id AND s.segment_index = b.segment_index
        ORDER BY b.distance, b.started_at
        LIMIT $6'
        USING asked.query, asked.encoder_id, asked.first_day, asked.last_day, asked.cameras, most;
END $$;
COMMENT ON FUNCTION search_results IS 'The segments most similar to a search that was noted, and committed, before; exact, the best first. A segment counts with its best part.';

CREATE FUNCTION vector_of_event(wanted uuid, encoder integer) RETURNS halfvec
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT f.embedding FROM events e
    JOIN indexed_videos i ON i.video_id = e.video_id AND i.encoder_id = encoder
    JOIN segments s ON s.video_id = e.video_id AND s.layout_id = i.layout_id
                   AND e.peak_frame BETWEEN s.first_frame AND s.last_frame
    JOIN footage_vectors f ON f.video_id = e.video_id AND f.encoder_id = encoder
                          AND f.segment_index = i.same_as[s.segment_index + 1]
    WHERE e.event_id = wanted ORDER BY f.part <> 1, f.part LIMIT 1
$$;
COMMENT ON FUNCTION vector_of_event IS 'What the encoder sees at the peak of an event: the newest window there, else the whole frame.';

REVOKE ALL ON encoders, indexed_videos, footage_vectors, searches FROM PUBLIC;
REVOKE ALL ON FUNCTION
    ensure_vector_partition(timestamptz), forget_vectors(), vector_of_event(uuid, integer), search_results(bigint, integer),
    note_search(text, halfvec, integer, text[], date, date, text, text, text)
    FROM PUBLIC;
GRANT SELECT ON encoders, indexed_videos TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT SELECT ON searches TO anyanomaly_reviewer;
GRANT INSERT ON encoders TO anyanomaly_writer;
GRANT INSERT, UPDATE, DELETE ON indexed_videos TO anyanomaly_writer;
GRANT SELECT, INSERT, DELETE ON footage_vectors TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION ensure_vector_partition(timestamptz) TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION vector_of_event(uuid, integer) TO anyanomaly_writer, anyanomaly_reviewer;
-- Whoever reads results may ask; note_search refuses, and notes it, where the right is missing.
GRANT EXECUTE ON FUNCTION
    note_search(text, halfvec, integer, text[], date, date, text, text, text), search_results(bigint, integer)
    TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
