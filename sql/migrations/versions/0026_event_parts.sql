-- An event may lie in several files that follow each other.

CREATE TABLE event_parts (
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL,
    video_id bigint NOT NULL REFERENCES videos,
    scorer_id integer NOT NULL REFERENCES scorers,
    first_frame integer NOT NULL,
    last_frame integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    peak_score real NOT NULL,
    peak_frame integer NOT NULL,
    segment_index integer NOT NULL,
    PRIMARY KEY (event_id, rule_version_id, video_id),
    FOREIGN KEY (event_id, rule_version_id) REFERENCES events ON DELETE CASCADE,
    CHECK (first_frame <= peak_frame AND peak_frame <= last_frame)
);
CREATE INDEX event_parts_by_video ON event_parts (video_id, rule_version_id);
COMMENT ON TABLE event_parts IS 'What an event has of each of its files, where it goes on from one file to the next. An event in one file has no rows here.';
COMMENT ON COLUMN event_parts.event_id IS 'See the table events, whose row has the whole event''s times and scores, and the frames of its first file.';
COMMENT ON COLUMN event_parts.rule_version_id IS 'Version of a rule; rule and version name the same.';
COMMENT ON COLUMN event_parts.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN event_parts.scorer_id IS 'Models and parameters that scored this file; see the table scorers.';
COMMENT ON COLUMN event_parts.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN event_parts.last_frame IS 'Number of the last frame, which belongs to it.';
COMMENT ON COLUMN event_parts.started_at IS 'When its first frame was recorded.';
COMMENT ON COLUMN event_parts.ended_at IS 'End of its last frame.';
COMMENT ON COLUMN event_parts.peak_score IS 'Highest frame score in this file, 0 to 1.';
COMMENT ON COLUMN event_parts.peak_frame IS 'Number of the frame with that score.';
COMMENT ON COLUMN event_parts.segment_index IS 'Segment that it lies in.';
COMMENT ON COLUMN events.video_id IS 'The content that it begins in; see the table videos, and event_parts where it goes on in others.';
COMMENT ON COLUMN events.last_frame IS 'Number of the last frame of its first file, which belongs to it.';
COMMENT ON COLUMN events.peak_frame IS 'Number of the frame with the highest score in its first file.';
COMMENT ON COLUMN events.segment_index IS 'Segment that this frame lies in.';
COMMENT ON COLUMN events.event_id IS 'Made of rule name, the content of its first file, the peak frame there, and the camera where it is not that content''s first: the same event keeps its id when thresholds change and when the recording goes on, for every rule version that finds it.';
GRANT SELECT ON event_parts TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT ON event_parts TO anyanomaly_writer;
CREATE TRIGGER event_parts_held BEFORE DELETE OR UPDATE ON event_parts FOR EACH ROW EXECUTE FUNCTION refuse_held_event();

-- A hold keeps the scores of all of an event's files.
CREATE OR REPLACE FUNCTION refuse_held_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.legal_holds h JOIN public.events e USING (event_id) JOIN public.rule_versions rv USING (rule_version_id)
        WHERE h.video_id = OLD.video_id AND h.released_at IS NULL
          AND rv.scoring_id = OLD.scoring_id AND e.scorer_id = OLD.scorer_id
    ) OR EXISTS (
        SELECT FROM public.event_parts p JOIN public.legal_holds h USING (event_id) JOIN public.rule_versions rv USING (rule_version_id)
        WHERE p.video_id = OLD.video_id AND h.released_at IS NULL
          AND rv.scoring_id = OLD.scoring_id AND p.scorer_id = OLD.scorer_id
    ) THEN
        RAISE EXCEPTION 'the scores of video % belong to an event under legal hold; they stay until it is released', OLD.video_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE OR REPLACE FUNCTION expire_video(wanted bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || wanted, 0));
    IF NOT EXISTS (SELECT FROM retention_due d WHERE d.video_id = wanted AND NOT d.held) THEN
        RETURN false;
    END IF;
    -- An event goes with the first of its files that expires.
    SELECT array_agg(event_id) INTO gone FROM (
        SELECT event_id FROM events WHERE video_id = wanted UNION SELECT event_id FROM event_parts WHERE video_id = wanted
    ) AS its;
    DELETE FROM verdicts WHERE event_id = ANY(gone);
    DELETE FROM events WHERE event_id = ANY(gone);
    DELETE FROM units WHERE video_id = wanted;
    DELETE FROM segments WHERE video_id = wanted;
    UPDATE videos SET expired_at = now() WHERE video_id = wanted;
    RETURN true;
END $$;

-- The tasks call it where an event that went on has another id now, as when the file before it arrived later.
CREATE FUNCTION carry_verdicts(version integer, gone uuid[], new uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note, created_at, carried_from)
    SELECT best.event_id, old.rule_version_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id
    FROM events old
    JOIN verdicts d ON d.event_id = old.event_id AND d.withdraws IS NULL
    CROSS JOIN LATERAL (
        SELECT e.event_id FROM events e
        WHERE e.event_id = ANY(new) AND e.rule_version_id = version AND e.camera_id = old.camera_id
          AND e.started_at < old.ended_at AND e.ended_at > old.started_at
        ORDER BY least(e.ended_at, old.ended_at) - greatest(e.started_at, old.started_at) DESC, e.started_at LIMIT 1
    ) best
    WHERE old.event_id = ANY(gone) AND old.rule_version_id = version AND best.event_id <> old.event_id
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION carry_verdicts IS 'Before events of a rule version go whose place others have taken: their verdicts are carried to the one that shares most time.';
REVOKE ALL ON FUNCTION carry_verdicts(integer, uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carry_verdicts(integer, uuid[], uuid[]) TO anyanomaly_writer;

-- As before, and the event that takes a verdict over may begin in an earlier file.
CREATE OR REPLACE FUNCTION take_over_results(replacing bigint, wanted_scoring integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || v.video_id, 0))
        FROM (SELECT video_id FROM videos WHERE replaced_by = replacing ORDER BY video_id) v;
    -- Each verdict goes to the event of the same rule version and camera that shares most time with its own.
    INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note, created_at, carried_from)
    SELECT best.event_id, old.rule_version_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id
    FROM videos v
    JOIN events old ON old.video_id = v.video_id
    JOIN rule_versions rv ON rv.rule_version_id = old.rule_version_id AND rv.scoring_id = wanted_scoring
    JOIN verdicts d ON d.event_id = old.event_id AND d.withdraws IS NULL
    CROSS JOIN LATERAL (
        SELECT e.event_id FROM events e
        WHERE e.event_id IN (SELECT n.event_id FROM events n WHERE n.video_id = replacing
                             UNION SELECT p.event_id FROM event_parts p WHERE p.video_id = replacing)
          AND e.rule_version_id = old.rule_version_id AND e.camera_id = old.camera_id
          AND e.started_at < old.ended_at AND e.ended_at > old.started_at
        ORDER BY least(e.ended_at, old.ended_at) - greatest(e.started_at, old.started_at) DESC, e.started_at LIMIT 1
    ) best
    WHERE v.replaced_by = replacing AND best.event_id <> old.event_id
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS moved = ROW_COUNT;
    -- What lies outside the new content, because the file was cut, stays: nobody will find it again.
    DELETE FROM events e USING videos v, videos n, rule_versions rv
    WHERE v.replaced_by = replacing AND e.video_id = v.video_id AND n.video_id = replacing
      AND e.started_at < n.recorded_at + make_interval(secs => n.duration_s) AND e.ended_at > n.recorded_at
      AND rv.rule_version_id = e.rule_version_id AND rv.scoring_id = wanted_scoring
      AND NOT EXISTS (SELECT FROM legal_holds h WHERE h.event_id = e.event_id AND h.released_at IS NULL);
    UPDATE units u SET is_current = false FROM videos v
    WHERE v.replaced_by = replacing AND u.video_id = v.video_id AND u.scoring_id = wanted_scoring AND u.is_current;
    RETURN moved;
END $$;
