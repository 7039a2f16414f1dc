-- How long results are kept, and what must be kept whatever its age.

CREATE TABLE retention_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    camera_id text NOT NULL REFERENCES cameras,
    retention_days integer,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    database_user text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE retention_changes IS 'Who set the retention of a camera to what, and when. Rows are added, never changed.';
COMMENT ON COLUMN retention_changes.change_id IS 'The change.';
COMMENT ON COLUMN retention_changes.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';
COMMENT ON COLUMN retention_changes.retention_days IS 'NULL: for ever.';
COMMENT ON COLUMN retention_changes.changed_by IS 'Who changed it.';
COMMENT ON COLUMN retention_changes.database_user IS 'Login that wrote it.';
COMMENT ON COLUMN retention_changes.changed_at IS 'When it was changed.';

CREATE TRIGGER retention_changes_never_change BEFORE UPDATE OR DELETE ON retention_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

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
COMMENT ON COLUMN legal_holds.hold_id IS 'The hold.';
COMMENT ON COLUMN legal_holds.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN legal_holds.video_id IS 'Footage of the event; nothing of it expires while the hold is open.';
COMMENT ON COLUMN legal_holds.reason IS 'Why the event must be kept.';
COMMENT ON COLUMN legal_holds.held_by IS 'Who held it.';
COMMENT ON COLUMN legal_holds.held_at IS 'When it was held.';
COMMENT ON COLUMN legal_holds.database_user IS 'Login that set the hold.';
COMMENT ON COLUMN legal_holds.released_at IS 'NULL: the hold is open.';
COMMENT ON COLUMN legal_holds.released_by IS 'Who released it.';
COMMENT ON COLUMN legal_holds.release_reason IS 'Why the hold was released.';

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
