-- How long results are kept, and what must be kept whatever its age.

-- Retention ----------------------------------------------------------------------------------------------------

ALTER TABLE videos ADD COLUMN expired_at timestamptz;
COMMENT ON COLUMN videos.expired_at IS 'When its results were removed because its camera''s retention had passed. The row stays, so that the footage is not scored again.';
COMMENT ON COLUMN cameras.retention_days IS 'Days that results of this camera are kept; NULL: for ever. The footage itself is never removed.';

CREATE TABLE retention_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    camera_id text NOT NULL REFERENCES cameras,
    retention_days integer,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    database_user text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE retention_changes IS 'Who set the retention of a camera to what, and when. Rows are added, never changed.';
COMMENT ON COLUMN retention_changes.retention_days IS 'NULL: for ever.';
CREATE TRIGGER retention_changes_never_change BEFORE UPDATE OR DELETE ON retention_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Legal holds --------------------------------------------------------------------------------------------------

CREATE TABLE legal_holds (
    hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    video_id bigint NOT NULL REFERENCES videos,
    reason text NOT NULL CHECK (btrim(reason) <> ''),
    held_by text NOT NULL CHECK (btrim(held_by) <> ''),
    held_at timestamptz NOT NULL DEFAULT now(),
    database_user text NOT NULL DEFAULT session_user,
    released_at timestamptz,
    released_by text,
    release_reason text,
    CHECK ((released_at IS NULL) = (released_by IS NULL) AND (released_at IS NULL) = (release_reason IS NULL)),
    CHECK (btrim(release_reason) <> '' AND btrim(released_by) <> '')
);
CREATE UNIQUE INDEX legal_holds_one_open ON legal_holds (event_id) WHERE released_at IS NULL;
CREATE INDEX legal_holds_open_by_video ON legal_holds (video_id) WHERE released_at IS NULL;
COMMENT ON TABLE legal_holds IS 'Events that must be kept, whatever their age: who held them, when and why, and who let them go again. Rows stay as history.';
COMMENT ON COLUMN legal_holds.video_id IS 'Footage of the event; nothing of it expires while the hold is open.';
COMMENT ON COLUMN legal_holds.database_user IS 'Login that set the hold.';
COMMENT ON COLUMN legal_holds.released_at IS 'NULL: the hold is open.';

-- A hold belongs to an event there is. Its video is locked as by a commit or an expiry, so that neither slips between.
CREATE FUNCTION check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.released_at IS NOT NULL OR NEW.released_at IS NULL
           OR (NEW.hold_id, NEW.event_id, NEW.video_id, NEW.reason, NEW.held_by, NEW.held_at, NEW.database_user)
              IS DISTINCT FROM
              (OLD.hold_id, OLD.event_id, OLD.video_id, OLD.reason, OLD.held_by, OLD.held_at, OLD.database_user) THEN
            RAISE EXCEPTION 'a hold can only be released, once' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT e.video_id INTO NEW.video_id FROM public.events e WHERE e.event_id = NEW.event_id LIMIT 1;
    IF NEW.video_id IS NULL THEN
        RAISE EXCEPTION 'there is no event %', NEW.event_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || NEW.video_id, 0));
    IF NOT EXISTS (SELECT FROM public.events e WHERE e.event_id = NEW.event_id) THEN
        RAISE EXCEPTION 'there is no event % any more', NEW.event_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_holds_checked BEFORE INSERT OR UPDATE ON legal_holds FOR EACH ROW EXECUTE FUNCTION check_hold();
CREATE TRIGGER legal_holds_stay BEFORE DELETE ON legal_holds FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a hold keeps: the event in every version that has it, and the scores that it was derived from. Everybody is
-- refused, the owner too, who alone can release the hold. Names carry their schema: a temporary table called
-- legal_holds must not be looked at in the place of the real one.
CREATE FUNCTION refuse_held_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.legal_holds h WHERE h.event_id = OLD.event_id AND h.released_at IS NULL) THEN
        RAISE EXCEPTION 'event % is under legal hold; it stays until the hold is released', OLD.event_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER events_held BEFORE DELETE OR UPDATE ON events FOR EACH ROW EXECUTE FUNCTION refuse_held_event();
CREATE TRIGGER verdicts_held BEFORE DELETE ON verdicts FOR EACH ROW EXECUTE FUNCTION refuse_held_event();

CREATE FUNCTION refuse_held_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.legal_holds h JOIN public.events e USING (event_id) JOIN public.rule_versions rv USING (rule_version_id)
        WHERE h.video_id = OLD.video_id AND h.released_at IS NULL
          AND rv.scoring_id = OLD.scoring_id AND e.scorer_id = OLD.scorer_id
    ) THEN
        RAISE EXCEPTION 'the scores of video % belong to an event under legal hold; they stay until it is released', OLD.video_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER segment_scores_held BEFORE DELETE OR UPDATE ON segment_scores
    FOR EACH ROW EXECUTE FUNCTION refuse_held_scores();
CREATE TRIGGER units_held BEFORE DELETE ON units FOR EACH ROW EXECUTE FUNCTION refuse_held_scores();

-- Expiry -------------------------------------------------------------------------------------------------------

CREATE VIEW retention_due AS
SELECT v.video_id, v.camera_id AS camera, v.uri, v.recorded_at, c.retention_days, d.due_at,
       EXISTS (SELECT FROM legal_holds h WHERE h.video_id = v.video_id AND h.released_at IS NULL) AS held
FROM videos v
JOIN cameras c USING (camera_id)
CROSS JOIN LATERAL (
    SELECT v.recorded_at + make_interval(days => c.retention_days, secs => coalesce(v.duration_s, 0)) AS due_at
) AS d
WHERE v.expired_at IS NULL AND d.due_at < now();
COMMENT ON VIEW retention_due IS 'Videos whose camera''s retention has passed and whose results are still there.';
COMMENT ON COLUMN retention_due.due_at IS 'Since when they may go.';
COMMENT ON COLUMN retention_due.held IS 'An event of it is under legal hold: nothing of it goes.';

CREATE FUNCTION expire_video(wanted bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || wanted, 0));
    IF NOT EXISTS (SELECT FROM retention_due d WHERE d.video_id = wanted AND NOT d.held) THEN
        RETURN false;
    END IF;
    DELETE FROM verdicts WHERE event_id IN (SELECT event_id FROM events WHERE video_id = wanted);
    DELETE FROM events WHERE video_id = wanted;
    DELETE FROM units WHERE video_id = wanted;
    DELETE FROM segments WHERE video_id = wanted;
    UPDATE videos SET expired_at = now() WHERE video_id = wanted;
    RETURN true;
END $$;
COMMENT ON FUNCTION expire_video IS 'Removes events, verdicts, ledger and segments of a video past its retention and not held, and marks it; its scores go with their partition or row by row.';

CREATE FUNCTION videos_in_partition(partition text) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_inherits WHERE inhparent = 'segment_scores'::regclass AND inhrelid = to_regclass(quote_ident(partition))
    ) THEN
        RAISE EXCEPTION '% is no partition of segment_scores', partition USING ERRCODE = 'undefined_table';
    END IF;
    -- From one video to the next through the primary key: a partition has a million times more rows than videos.
    RETURN QUERY EXECUTE format('
        WITH RECURSIVE found AS (
            (SELECT min(video_id) AS id FROM %1$I)
            UNION ALL
            SELECT (SELECT min(video_id) FROM %1$I WHERE video_id > found.id) FROM found WHERE found.id IS NOT NULL
        ) SELECT id FROM found WHERE id IS NOT NULL', partition);
END $$;
COMMENT ON FUNCTION videos_in_partition IS 'Videos that have rows in a partition of segment_scores.';

CREATE FUNCTION drop_expired_partition(partition text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    videos_there bigint;
    to_keep bigint;
BEGIN
    -- Whoever reads for longer than that is not waited for: everybody else would queue behind us.
    LOCK TABLE segment_scores IN ACCESS EXCLUSIVE MODE;
    SELECT count(*), count(*) FILTER (WHERE v.expired_at IS NULL OR EXISTS (
               SELECT FROM legal_holds h WHERE h.video_id = v.video_id AND h.released_at IS NULL))
    INTO videos_there, to_keep
    FROM videos_in_partition(partition) AS p(id) LEFT JOIN videos v ON v.video_id = p.id;
    IF videos_there = 0 OR to_keep > 0 THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN true;
END $$;
COMMENT ON FUNCTION drop_expired_partition IS 'Drops a partition of segment_scores all of whose videos have expired; false: it holds something that must stay, or nothing.';

-- Views --------------------------------------------------------------------------------------------------------

CREATE OR REPLACE VIEW event_list AS
SELECT e.event_id, r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       e.camera_id AS camera, c.name AS camera_name, e.started_at, e.ended_at,
       e.started_at AT TIME ZONE c.time_zone AS started_local, e.ended_at AT TIME ZONE c.time_zone AS ended_local,
       extract(epoch FROM e.ended_at - e.started_at)::double precision AS duration_s,
       e.peak_score, e.peak_at, e.mean_score, e.winning_text, e.rationale,
       v.video_id, v.uri, e.first_frame, e.last_frame, e.peak_frame, e.segment_index,
       said.verdict, said.reviewer, said.created_at AS verdict_at, s.profile_name AS profile, s.notice, e.scorer_id,
       EXISTS (SELECT FROM legal_holds h WHERE h.event_id = e.event_id AND h.released_at IS NULL) AS held
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN cameras c ON c.camera_id = e.camera_id
JOIN videos v ON v.video_id = e.video_id
JOIN scorers s ON s.scorer_id = e.scorer_id
LEFT JOIN LATERAL (
    SELECT d.verdict, d.reviewer, d.created_at FROM verdicts d
    WHERE d.event_id = e.event_id ORDER BY d.created_at DESC, d.verdict_id DESC LIMIT 1
) AS said ON true;
COMMENT ON COLUMN event_list.held IS 'Under legal hold: kept until the hold is released.';

CREATE OR REPLACE VIEW coverage AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, r.state AS rule_state,
       v.camera_id AS camera, v.video_id, v.uri, v.recorded_at, v.state AS video_state, v.duration_s AS video_seconds,
       part.state, part.seconds, part.segments,
       CASE WHEN part.state = 'failed' THEN coalesce(u.last_error, v.error)
            WHEN part.state = 'expired' THEN 'results are kept for a limited time'
            WHEN part.state = 'not_yet' AND v.state = 'missing' THEN 'the file is gone'
            WHEN part.state = 'not_yet' AND v.state = 'registered' THEN 'not decoded yet'
            WHEN part.state = 'not_yet' AND r.state <> 'active' THEN 'the rule is ' || r.state
       END AS reason,
       coalesce(u.attempts, 0) AS attempts, u.scorer_id, u.finished_at, rv.rule_version_id
FROM rule_versions rv
JOIN rules r USING (rule_id)
JOIN videos v ON glob_matches(v.camera_id, rv.cameras)
LEFT JOIN units u ON u.video_id = v.video_id AND u.scoring_id = rv.scoring_id AND u.is_current
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        ('scored', u.seconds_scored, u.segments_scored),
        ('carried', u.seconds_carried, u.segments_carried),
        ('pruned', u.seconds_pruned, u.segments_pruned),
        ('failed', u.seconds_failed, u.segments_failed)
    ) AS committed(state, seconds, segments)
    WHERE u.video_id IS NOT NULL AND segments > 0
    UNION ALL
    SELECT CASE WHEN v.expired_at IS NOT NULL THEN 'expired' WHEN v.state = 'unreadable' THEN 'failed' ELSE 'not_yet' END,
           coalesce(v.duration_s, 0), NULL
    WHERE u.video_id IS NULL
) AS part;
COMMENT ON COLUMN coverage.state IS 'scored, carried (static scene), pruned (left out by a cascade), failed, expired (removed after its camera''s retention), or not_yet.';

-- Rights -------------------------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION expire_video(bigint), drop_expired_partition(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expire_video(bigint), drop_expired_partition(text) TO anyanomaly_writer;
GRANT SELECT ON legal_holds, retention_changes, retention_due TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
-- Reviewers hold; only the owner releases. The tasks neither hold, release nor say how long results are kept.
GRANT INSERT (event_id, reason, held_by) ON legal_holds TO anyanomaly_reviewer;
REVOKE INSERT, UPDATE ON cameras FROM anyanomaly_writer;
GRANT INSERT (camera_id, name, time_zone), UPDATE (name, time_zone) ON cameras TO anyanomaly_writer;
