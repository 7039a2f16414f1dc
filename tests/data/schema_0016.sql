SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE TYPE public.rule_state AS ENUM (
    'active',
    'paused',
    'retired'
);

ALTER TYPE public.rule_state OWNER TO anyanomaly_owner;

CREATE TYPE public.segment_status AS ENUM (
    'scored',
    'carried',
    'pruned',
    'failed'
);

ALTER TYPE public.segment_status OWNER TO anyanomaly_owner;

CREATE TYPE public.unit_state AS ENUM (
    'done',
    'partial',
    'failed'
);

ALTER TYPE public.unit_state OWNER TO anyanomaly_owner;

CREATE TYPE public.video_state AS ENUM (
    'registered',
    'ready',
    'damaged',
    'unreadable',
    'missing'
);

ALTER TYPE public.video_state OWNER TO anyanomaly_owner;

CREATE FUNCTION public.calibrated(scores real[], probabilities real[], score real) RETURNS real
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((score IS NULL) OR (scores IS NULL)) THEN NULL::real WHEN (score <= (scores)[1]) THEN (probabilities)[1] WHEN (score >= (scores)[array_length(scores, 1)]) THEN (probabilities)[array_length(scores, 1)] ELSE (SELECT ((calibrated.probabilities)[(n.n - 1)] + (((calibrated.score - (calibrated.scores)[(n.n - 1)]) / ((calibrated.scores)[n.n] - (calibrated.scores)[(n.n - 1)])) * ((calibrated.probabilities)[n.n] - (calibrated.probabilities)[(n.n - 1)]))) AS float4 FROM generate_series(2, array_length(calibrated.scores, 1)) n(n) WHERE ((calibrated.scores)[n.n] >= calibrated.score) ORDER BY n.n LIMIT 1) END;

ALTER FUNCTION public.calibrated(scores real[], probabilities real[], score real) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.calibrated(scores real[], probabilities real[], score real) IS 'Probability of a score by the knots of a score map.';

CREATE FUNCTION public.check_hold() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION public.check_hold() OWNER TO anyanomaly_owner;

CREATE FUNCTION public.check_withdrawal() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.verdicts d
        WHERE d.verdict_id = NEW.withdraws AND d.event_id = NEW.event_id AND d.reviewer = NEW.reviewer
          AND d.verdict <> 'withdrawn'
    ) THEN
        RAISE EXCEPTION 'only a verdict of one''s own on the same event can be withdrawn' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

ALTER FUNCTION public.check_withdrawal() OWNER TO anyanomaly_owner;

CREATE FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision DEFAULT 0.95) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
DECLARE
    low double precision := 0;
    high double precision := 1;
    share double precision;
    term double precision;
    tail double precision;
BEGIN
    IF hits < 0 OR hits > drawn OR confidence <= 0 OR confidence >= 1 THEN
        RAISE EXCEPTION 'no bound for % hits of % at %', hits, drawn, confidence USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF hits = drawn THEN
        RETURN 1;
    END IF;
    -- The share at which so few hits would have been drawn with probability 1 - confidence, by halving.
    FOR step IN 1..60 LOOP
        share := (low + high) / 2;
        term := drawn * ln(1 - share);  -- logarithm of the probability of no hit, then of one more
        tail := CASE WHEN term > -700 THEN exp(term) ELSE 0 END;
        FOR hit IN 1..hits LOOP
            term := term + ln((drawn - hit + 1)::double precision / hit) + ln(share) - ln(1 - share);
            tail := tail + CASE WHEN term > -700 THEN exp(term) ELSE 0 END;
        END LOOP;
        IF tail > 1 - confidence THEN
            low := share;
        ELSE
            high := share;
        END IF;
        EXIT WHEN high - low < 1e-12;
    END LOOP;
    RETURN high;
END $$;

ALTER FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision) IS 'Exact upper bound (binomial, one-sided) on a share of which a random sample of so many drew so many hits; 1 where nothing was drawn.';

CREATE FUNCTION public.drop_expired_partition(partition text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '3s'
    AS $$
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

ALTER FUNCTION public.drop_expired_partition(partition text) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.drop_expired_partition(partition text) IS 'Drops a partition of segment_scores all of whose videos have expired; false: it holds something that must stay, or nothing.';

CREATE FUNCTION public.ensure_score_partition(moment timestamp with time zone) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    beyond timestamptz := date_trunc('month', moment, 'UTC') + interval '1 month';
    partition text := 'segment_scores_' || to_char(moment AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_score_partition', 0));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN partition;
    END IF;
    -- Attaching a finished table lets everybody go on reading and writing; CREATE ... PARTITION OF would not.
    EXECUTE format('CREATE TABLE %I (LIKE segment_scores INCLUDING ALL)', partition);
    EXECUTE format('ALTER TABLE segment_scores ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, beyond);
    RETURN partition;
END $$;

ALTER FUNCTION public.ensure_score_partition(moment timestamp with time zone) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.ensure_score_partition(moment timestamp with time zone) IS 'Makes the partition of the month of a moment, unless it is there; returns its name.';

CREATE FUNCTION public.expire_video(wanted bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

ALTER FUNCTION public.expire_video(wanted bigint) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.expire_video(wanted bigint) IS 'Removes events, verdicts, ledger and segments of a video past its retention and not held, and marks it; its scores go with their partition or row by row.';

CREATE FUNCTION public.glob_matches(value text, globs text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT EXISTS (
        SELECT FROM unnest(globs) AS g(glob)
        WHERE value LIKE replace(replace(replace(replace(replace(
            glob, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')
    )
$$;

ALTER FUNCTION public.glob_matches(value text, globs text[]) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.glob_matches(value text, globs text[]) IS 'Whether a camera id matches one of the patterns; * stands for anything, ? for one character.';

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change; add a new one instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

ALTER FUNCTION public.refuse_change() OWNER TO anyanomaly_owner;

CREATE FUNCTION public.refuse_held_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM public.legal_holds h WHERE h.event_id = OLD.event_id AND h.released_at IS NULL) THEN
        RAISE EXCEPTION 'event % is under legal hold; it stays until the hold is released', OLD.event_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

ALTER FUNCTION public.refuse_held_event() OWNER TO anyanomaly_owner;

CREATE FUNCTION public.refuse_held_scores() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

ALTER FUNCTION public.refuse_held_scores() OWNER TO anyanomaly_owner;

CREATE FUNCTION public.videos_in_partition(partition text) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
END $_$;

ALTER FUNCTION public.videos_in_partition(partition text) OWNER TO anyanomaly_owner;

COMMENT ON FUNCTION public.videos_in_partition(partition text) IS 'Videos that have rows in a partition of segment_scores.';

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

ALTER TABLE public.alembic_version OWNER TO anyanomaly_owner;

CREATE TABLE public.cameras (
    camera_id text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    retention_days integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cameras_camera_id_check CHECK ((camera_id <> ''::text)),
    CONSTRAINT cameras_retention_days_check CHECK ((retention_days > 0))
);

ALTER TABLE public.cameras OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.cameras IS 'Places that film.';

COMMENT ON COLUMN public.cameras.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';

COMMENT ON COLUMN public.cameras.name IS 'What people and files call it.';

COMMENT ON COLUMN public.cameras.time_zone IS 'IANA time zone; rule hours and local times are in it.';

COMMENT ON COLUMN public.cameras.retention_days IS 'Days that results of this camera are kept; NULL: for ever. The footage itself is never removed.';

COMMENT ON COLUMN public.cameras.created_at IS 'When the row was written.';

CREATE TABLE public.rule_versions (
    rule_version_id integer NOT NULL,
    rule_id integer NOT NULL,
    version integer NOT NULL,
    scoring_id integer NOT NULL,
    definition jsonb NOT NULL,
    cameras text[] NOT NULL,
    threshold real NOT NULL,
    digest text NOT NULL,
    author text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT rule_versions_version_check CHECK ((version > 0))
);

ALTER TABLE public.rule_versions OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.rule_versions IS 'What a rule said, version by version; rows never change.';

COMMENT ON COLUMN public.rule_versions.rule_version_id IS 'Version of a rule; rule and version name the same.';

COMMENT ON COLUMN public.rule_versions.rule_id IS 'The rule, whatever its version.';

COMMENT ON COLUMN public.rule_versions.version IS 'Number of the rule''s version, from 1.';

COMMENT ON COLUMN public.rule_versions.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.rule_versions.definition IS 'The rule file.';

COMMENT ON COLUMN public.rule_versions.cameras IS 'Glob patterns of camera ids that the rule looks at.';

COMMENT ON COLUMN public.rule_versions.threshold IS 'Frames from this score on belong to an event.';

COMMENT ON COLUMN public.rule_versions.digest IS 'SHA-256 over everything that makes it what it is.';

COMMENT ON COLUMN public.rule_versions.author IS 'Who applied it.';

COMMENT ON COLUMN public.rule_versions.created_at IS 'When the row was written.';

CREATE TABLE public.rules (
    rule_id integer NOT NULL,
    name text NOT NULL,
    state public.rule_state DEFAULT 'active'::public.rule_state NOT NULL,
    current_version integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    events_version integer,
    applied_active boolean DEFAULT true NOT NULL,
    CONSTRAINT rules_current_version_check CHECK ((current_version > 0))
);

ALTER TABLE public.rules OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.rules IS 'Mutable names of immutable rule versions.';

COMMENT ON COLUMN public.rules.rule_id IS 'The rule, whatever its version.';

COMMENT ON COLUMN public.rules.name IS 'What people and files call it.';

COMMENT ON COLUMN public.rules.state IS 'active, paused or retired; only active rules are scanned for.';

COMMENT ON COLUMN public.rules.current_version IS 'Number of the version that is in force.';

COMMENT ON COLUMN public.rules.created_at IS 'When the row was written.';

COMMENT ON COLUMN public.rules.events_version IS 'Version whose events have been derived from all scores there are; behind current_version: still to do.';

COMMENT ON COLUMN public.rules.applied_active IS 'What the file applied last says of `active`; only a change of it changes the state.';

CREATE TABLE public.scorers (
    scorer_id integer NOT NULL,
    digest text NOT NULL,
    profile_digest text NOT NULL,
    profile_name text NOT NULL,
    profile jsonb NOT NULL,
    revisions jsonb NOT NULL,
    code_version text NOT NULL,
    notice text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.scorers OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.scorers IS 'Models and parameters that make a score what it is.';

COMMENT ON COLUMN public.scorers.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.scorers.digest IS 'SHA-256 over everything that makes it what it is.';

COMMENT ON COLUMN public.scorers.profile_digest IS 'Digest of the profile alone, known before its models are loaded.';

COMMENT ON COLUMN public.scorers.profile_name IS 'Profile that it was made of.';

COMMENT ON COLUMN public.scorers.profile IS 'The profile as it was loaded.';

COMMENT ON COLUMN public.scorers.revisions IS 'Keys encoder and lvlm: hub commit, or hash of the weights, of the loaded models.';

COMMENT ON COLUMN public.scorers.code_version IS 'Version of this software that wrote it.';

COMMENT ON COLUMN public.scorers.notice IS 'To be shown wherever scores of this scorer are shown.';

COMMENT ON COLUMN public.scorers.created_at IS 'When the row was written.';

COMMENT ON COLUMN public.scorers.last_used_at IS 'When it scored last.';

CREATE TABLE public.unit_cascades (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    judged_by_rank integer NOT NULL,
    judged_for_motion integer NOT NULL,
    carried_from_audit integer NOT NULL,
    audited_segments integer[] NOT NULL,
    audited_scores real[] NOT NULL,
    CONSTRAINT unit_cascades_carried_from_audit_check CHECK ((carried_from_audit >= 0)),
    CONSTRAINT unit_cascades_check CHECK ((cardinality(audited_segments) = cardinality(audited_scores))),
    CONSTRAINT unit_cascades_judged_by_rank_check CHECK ((judged_by_rank >= 0)),
    CONSTRAINT unit_cascades_judged_for_motion_check CHECK ((judged_for_motion >= 0))
);

ALTER TABLE public.unit_cascades OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.unit_cascades IS 'How a cascade chose the segments of a unit; one row for each row of units whose scorer has a cascade.';

COMMENT ON COLUMN public.unit_cascades.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.unit_cascades.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.unit_cascades.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.unit_cascades.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';

COMMENT ON COLUMN public.unit_cascades.judged_for_motion IS 'Of the others: judged because they move strangely.';

COMMENT ON COLUMN public.unit_cascades.carried_from_audit IS 'Static segments that took over the score of an audited one.';

COMMENT ON COLUMN public.unit_cascades.audited_segments IS 'Indices of the segments drawn at random from the rest, and judged.';

COMMENT ON COLUMN public.unit_cascades.audited_scores IS 'Their fused scores before smoothing, in the same order; NULL: judging failed.';

CREATE TABLE public.units (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    layout_id smallint NOT NULL,
    state public.unit_state NOT NULL,
    is_current boolean NOT NULL,
    attempts integer NOT NULL,
    last_error text,
    segments_scored integer NOT NULL,
    segments_carried integer NOT NULL,
    segments_pruned integer NOT NULL,
    segments_failed integer NOT NULL,
    seconds_scored double precision NOT NULL,
    seconds_carried double precision NOT NULL,
    seconds_pruned double precision NOT NULL,
    seconds_failed double precision NOT NULL,
    work_ms real DEFAULT 0 NOT NULL,
    run_id bigint,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    mask_digest text,
    CONSTRAINT units_attempts_check CHECK ((attempts > 0)),
    CONSTRAINT units_check CHECK (((state <> 'failed'::public.unit_state) OR (last_error IS NOT NULL)))
);

ALTER TABLE public.units OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.units IS 'What was committed: one row per video, scoring and scorer, written with its scores in one transaction.';

COMMENT ON COLUMN public.units.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.units.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.units.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.units.layout_id IS 'How the video was split: segment length and step.';

COMMENT ON COLUMN public.units.state IS 'done; partial: some segments failed; failed: all did.';

COMMENT ON COLUMN public.units.is_current IS 'Whether the views show these scores: the newest of the video''s scorers is.';

COMMENT ON COLUMN public.units.attempts IS 'How often it was tried.';

COMMENT ON COLUMN public.units.last_error IS 'Reason of the first failed segment, or why the whole failed.';

COMMENT ON COLUMN public.units.segments_scored IS 'Segments that the models judged.';

COMMENT ON COLUMN public.units.segments_carried IS 'Segments of a static scene, which take over an earlier score.';

COMMENT ON COLUMN public.units.segments_pruned IS 'Segments that a cascade left out.';

COMMENT ON COLUMN public.units.segments_failed IS 'Segments that could not be decoded, answered or read.';

COMMENT ON COLUMN public.units.seconds_scored IS 'Footage seconds in such segments.';

COMMENT ON COLUMN public.units.seconds_carried IS 'Footage seconds in such segments.';

COMMENT ON COLUMN public.units.seconds_pruned IS 'Footage seconds in such segments.';

COMMENT ON COLUMN public.units.seconds_failed IS 'Footage seconds in such segments.';

COMMENT ON COLUMN public.units.work_ms IS 'Time its segments took, as their timings say.';

COMMENT ON COLUMN public.units.run_id IS 'Run in scan_runs.';

COMMENT ON COLUMN public.units.finished_at IS 'When it ended; NULL: it has not, or was killed.';

COMMENT ON COLUMN public.units.mask_digest IS 'SHA-256 of the camera''s privacy mask when this was scored; NULL: it had none.';

CREATE TABLE public.video_cameras (
    video_id bigint NOT NULL,
    camera_id text NOT NULL
);

ALTER TABLE public.video_cameras OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.video_cameras IS 'Cameras that a content was ever found under: one, unless its file was copied.';

COMMENT ON COLUMN public.video_cameras.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.video_cameras.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';

CREATE TABLE public.videos (
    video_id bigint NOT NULL,
    content_sha256 text NOT NULL,
    camera_id text NOT NULL,
    uri text NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    recorded_at_source text NOT NULL,
    state public.video_state DEFAULT 'registered'::public.video_state NOT NULL,
    error text,
    frame_count integer,
    duration_s double precision,
    fps_num integer,
    fps_den integer,
    width integer,
    height integer,
    rotation smallint,
    codec text,
    damage text[] DEFAULT '{}'::text[] NOT NULL,
    complete boolean,
    decoder text,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    indexed_at timestamp with time zone,
    expired_at timestamp with time zone,
    clock_offset interval DEFAULT '00:00:00'::interval NOT NULL,
    CONSTRAINT videos_check CHECK (((state <> ALL (ARRAY['ready'::public.video_state, 'damaged'::public.video_state])) OR ((frame_count IS NOT NULL) AND (duration_s IS NOT NULL)))),
    CONSTRAINT videos_check1 CHECK (((state <> 'unreadable'::public.video_state) OR (error IS NOT NULL))),
    CONSTRAINT videos_content_sha256_check CHECK ((content_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT videos_duration_s_check CHECK ((duration_s >= (0)::double precision)),
    CONSTRAINT videos_fps_den_check CHECK ((fps_den > 0)),
    CONSTRAINT videos_frame_count_check CHECK ((frame_count > 0))
);

ALTER TABLE public.videos OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.videos IS 'Stored recordings, one row per distinct content, however many names it has.';

COMMENT ON COLUMN public.videos.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.videos.content_sha256 IS 'SHA-256 of the file: what makes it the same content under another name.';

COMMENT ON COLUMN public.videos.camera_id IS 'The camera of the first name found: its mask is drawn and its recording time counts. All of them: video_cameras.';

COMMENT ON COLUMN public.videos.uri IS 'A name under which the content lies, relative to the archive root; all of them: video_files.';

COMMENT ON COLUMN public.videos.recorded_at IS 'When the first frame was recorded.';

COMMENT ON COLUMN public.videos.recorded_at_source IS 'Where the recording time is stated: path, sidecar, container or modified; then what was added to it, if anything.';

COMMENT ON COLUMN public.videos.state IS 'registered: seen, not decoded yet; ready; damaged: decoded with complaints, scored all the same; unreadable: no frame; missing: no file has this content any more.';

COMMENT ON COLUMN public.videos.error IS 'Why the video is unreadable.';

COMMENT ON COLUMN public.videos.frame_count IS 'Decoded frames, not what the header says.';

COMMENT ON COLUMN public.videos.duration_s IS 'From the first frame to the end of the last; for an unreadable video what its header says, if anything.';

COMMENT ON COLUMN public.videos.fps_num IS 'Frames per second are fps_num / fps_den.';

COMMENT ON COLUMN public.videos.fps_den IS 'Frames per second are fps_num / fps_den.';

COMMENT ON COLUMN public.videos.width IS 'Pixels, as displayed: after rotation.';

COMMENT ON COLUMN public.videos.height IS 'Pixels, as displayed: after rotation.';

COMMENT ON COLUMN public.videos.rotation IS 'Degrees clockwise by which the stored picture is turned, for people and models.';

COMMENT ON COLUMN public.videos.codec IS 'Of the video stream, as ffmpeg calls it.';

COMMENT ON COLUMN public.videos.damage IS 'What the decoder complained about.';

COMMENT ON COLUMN public.videos.complete IS 'false: decoding stopped before the end of the file.';

COMMENT ON COLUMN public.videos.decoder IS 'ffmpeg and its version.';

COMMENT ON COLUMN public.videos.registered_at IS 'When ingest saw the content first.';

COMMENT ON COLUMN public.videos.indexed_at IS 'When ingest read the frames.';

COMMENT ON COLUMN public.videos.expired_at IS 'When its results were removed because its camera''s retention had passed. The row stays, so that the footage is not scored again.';

COMMENT ON COLUMN public.videos.clock_offset IS 'What was added to the stated recording time because the camera''s clock was wrong; recorded_at contains it.';

CREATE TABLE public.verdicts (
    verdict_id bigint NOT NULL,
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL,
    verdict text NOT NULL,
    reviewer text NOT NULL,
    note text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    withdraws bigint,
    CONSTRAINT verdicts_verdict_check CHECK ((verdict = ANY (ARRAY['real'::text, 'false_alarm'::text, 'unsure'::text, 'withdrawn'::text]))),
    CONSTRAINT verdicts_withdraws_check CHECK (((verdict = 'withdrawn'::text) = (withdraws IS NOT NULL)))
);

ALTER TABLE public.verdicts OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.verdicts IS 'What reviewers said of events, with all history. Rows are added, never changed; current_verdicts has what counts.';

COMMENT ON COLUMN public.verdicts.verdict_id IS 'The verdict.';

COMMENT ON COLUMN public.verdicts.event_id IS 'The event; see event_list.';

COMMENT ON COLUMN public.verdicts.rule_version_id IS 'Version that the reviewer looked at.';

COMMENT ON COLUMN public.verdicts.verdict IS 'real, false_alarm or unsure; withdrawn: the row named in withdraws no longer counts.';

COMMENT ON COLUMN public.verdicts.reviewer IS 'Who gave the verdict.';

COMMENT ON COLUMN public.verdicts.note IS 'What the reviewer wrote.';

COMMENT ON COLUMN public.verdicts.created_at IS 'When the row was written.';

COMMENT ON COLUMN public.verdicts.withdraws IS 'The verdict that this row takes back, of the same event and reviewer.';

CREATE TABLE public.evaluation_measures (
    evaluation_id bigint NOT NULL,
    protocol text NOT NULL,
    class text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    low double precision,
    high double precision,
    videos integer NOT NULL,
    positives bigint NOT NULL,
    frames bigint NOT NULL,
    tuned text,
    CONSTRAINT evaluation_measures_check CHECK (((low IS NULL) = (high IS NULL))),
    CONSTRAINT evaluation_measures_check1 CHECK (((protocol = 'reference'::text) = (tuned IS NOT NULL))),
    CONSTRAINT evaluation_measures_protocol_check CHECK ((protocol = ANY (ARRAY['honest'::text, 'reference'::text]))),
    CONSTRAINT evaluation_measures_value_check CHECK (((value >= (0)::double precision) AND (value <= (1)::double precision)))
);

ALTER TABLE public.evaluation_measures OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.evaluation_measures IS 'Figures of an evaluation. Frame level, all videos together, except roc_auc_per_video.';

COMMENT ON COLUMN public.evaluation_measures.evaluation_id IS 'Evaluation that the figure belongs to.';

COMMENT ON COLUMN public.evaluation_measures.protocol IS 'honest: nothing was chosen by looking at the labels; reference: weights and smoothing were, as in the paper.';

COMMENT ON COLUMN public.evaluation_measures.class IS 'A class of the labels, (any class) or (mean of classes).';

COMMENT ON COLUMN public.evaluation_measures.metric IS 'roc_auc and average_precision over the frames of all videos; roc_auc_per_video, the mean over videos.';

COMMENT ON COLUMN public.evaluation_measures.value IS 'The figure.';

COMMENT ON COLUMN public.evaluation_measures.low IS '95 % interval, bootstrap over videos; NULL: too few videos to say.';

COMMENT ON COLUMN public.evaluation_measures.high IS 'Upper end of the 95 % interval over resampled videos; NULL: too few videos.';

COMMENT ON COLUMN public.evaluation_measures.videos IS 'Videos that show the class; of roc_auc_per_video, those that were averaged.';

COMMENT ON COLUMN public.evaluation_measures.positives IS 'Frames that show the class.';

COMMENT ON COLUMN public.evaluation_measures.frames IS 'Frames that the figure stands on.';

COMMENT ON COLUMN public.evaluation_measures.tuned IS 'What the reference protocol chose.';

CREATE TABLE public.evaluations (
    evaluation_id bigint NOT NULL,
    archive text NOT NULL,
    archive_digest text NOT NULL,
    scorer_id integer NOT NULL,
    reading text DEFAULT 'as scored'::text NOT NULL,
    videos integer NOT NULL,
    videos_without_scores integer NOT NULL,
    frames_counted bigint NOT NULL,
    frames_unlabelled bigint NOT NULL,
    frames_unscored bigint NOT NULL,
    frames_not_in_footage bigint NOT NULL,
    resamples integer NOT NULL,
    code_version text NOT NULL,
    run_id bigint,
    evaluated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT evaluations_archive_check CHECK ((archive <> ''::text)),
    CONSTRAINT evaluations_archive_digest_check CHECK ((archive_digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT evaluations_frames_counted_check CHECK ((frames_counted >= 0)),
    CONSTRAINT evaluations_frames_not_in_footage_check CHECK ((frames_not_in_footage >= 0)),
    CONSTRAINT evaluations_frames_unlabelled_check CHECK ((frames_unlabelled >= 0)),
    CONSTRAINT evaluations_frames_unscored_check CHECK ((frames_unscored >= 0)),
    CONSTRAINT evaluations_reading_check CHECK ((reading <> ''::text)),
    CONSTRAINT evaluations_videos_check CHECK ((videos > 0)),
    CONSTRAINT evaluations_videos_without_scores_check CHECK ((videos_without_scores >= 0))
);

ALTER TABLE public.evaluations OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.evaluations IS 'A scorer judged on labelled footage. Evaluating the same scorer on the same labels again replaces the row.';

COMMENT ON COLUMN public.evaluations.evaluation_id IS 'Evaluation that the figure belongs to.';

COMMENT ON COLUMN public.evaluations.archive IS 'Folder of the labelled footage.';

COMMENT ON COLUMN public.evaluations.archive_digest IS 'SHA-256 over class texts, names of videos and labels: only evaluations that agree in it are comparable.';

COMMENT ON COLUMN public.evaluations.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.evaluations.reading IS 'as scored; or how the scorer''s answers were put together otherwise (other weights or smoothing).';

COMMENT ON COLUMN public.evaluations.videos IS 'How many videos.';

COMMENT ON COLUMN public.evaluations.videos_without_scores IS 'Videos of which no frame has a score.';

COMMENT ON COLUMN public.evaluations.frames_counted IS 'Frames x classes that are labelled and scored: what the figures stand on.';

COMMENT ON COLUMN public.evaluations.frames_unlabelled IS 'Frames x classes that nobody labelled. They are left out.';

COMMENT ON COLUMN public.evaluations.frames_unscored IS 'Frames x classes that are labelled but have no score. They are left out, never taken for 0.';

COMMENT ON COLUMN public.evaluations.frames_not_in_footage IS 'Labelled frames x classes that the decoded video does not have.';

COMMENT ON COLUMN public.evaluations.resamples IS 'How often the videos were drawn anew for the intervals.';

COMMENT ON COLUMN public.evaluations.code_version IS 'Version of this software that wrote it.';

COMMENT ON COLUMN public.evaluations.run_id IS 'Run in scan_runs.';

COMMENT ON COLUMN public.evaluations.evaluated_at IS 'When the figures were computed.';

ALTER TABLE public.evaluations ALTER COLUMN evaluation_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.evaluations_evaluation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.events (
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL,
    video_id bigint NOT NULL,
    scorer_id integer NOT NULL,
    camera_id text NOT NULL,
    first_frame integer NOT NULL,
    last_frame integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    peak_score real NOT NULL,
    peak_frame integer NOT NULL,
    peak_at timestamp with time zone NOT NULL,
    mean_score real NOT NULL,
    segment_index integer NOT NULL,
    winning_text text,
    rationale text,
    CONSTRAINT events_check CHECK (((first_frame <= peak_frame) AND (peak_frame <= last_frame))),
    CONSTRAINT events_check1 CHECK ((ended_at >= started_at))
);

ALTER TABLE public.events OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.events IS 'Runs of frames over a rule version''s threshold.';

COMMENT ON COLUMN public.events.event_id IS 'Made of rule name, video content and peak frame, and the camera where it is not the video''s first: the same event keeps its id when thresholds change, for every rule version that finds it.';

COMMENT ON COLUMN public.events.rule_version_id IS 'Version of a rule; rule and version name the same.';

COMMENT ON COLUMN public.events.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.events.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.events.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';

COMMENT ON COLUMN public.events.first_frame IS 'Number of the first frame in its file, from 0.';

COMMENT ON COLUMN public.events.last_frame IS 'Number of the last frame, which belongs to it.';

COMMENT ON COLUMN public.events.started_at IS 'When it began.';

COMMENT ON COLUMN public.events.ended_at IS 'End of the last frame.';

COMMENT ON COLUMN public.events.peak_score IS 'Highest frame score, 0 to 1.';

COMMENT ON COLUMN public.events.peak_frame IS 'Number of the frame with the highest score.';

COMMENT ON COLUMN public.events.peak_at IS 'When the frame with the highest score was recorded.';

COMMENT ON COLUMN public.events.mean_score IS 'Mean over the frames that have a score.';

COMMENT ON COLUMN public.events.segment_index IS 'Segment that the peak lies in.';

COMMENT ON COLUMN public.events.winning_text IS 'Which of the rule''s texts it was.';

COMMENT ON COLUMN public.events.rationale IS 'What the model saw, in its own words. Data, not instruction.';

CREATE TABLE public.legal_holds (
    hold_id bigint NOT NULL,
    event_id uuid NOT NULL,
    video_id bigint NOT NULL,
    reason text NOT NULL,
    held_by text NOT NULL,
    held_at timestamp with time zone DEFAULT now() NOT NULL,
    database_user text DEFAULT SESSION_USER NOT NULL,
    released_at timestamp with time zone,
    released_by text,
    release_reason text,
    CONSTRAINT legal_holds_check CHECK ((((released_at IS NULL) = (released_by IS NULL)) AND ((released_at IS NULL) = (release_reason IS NULL)))),
    CONSTRAINT legal_holds_check1 CHECK (((btrim(release_reason) <> ''::text) AND (btrim(released_by) <> ''::text))),
    CONSTRAINT legal_holds_held_by_check CHECK ((btrim(held_by) <> ''::text)),
    CONSTRAINT legal_holds_reason_check CHECK ((btrim(reason) <> ''::text))
);

ALTER TABLE public.legal_holds OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.legal_holds IS 'Events that must be kept, whatever their age: who held them, when and why, and who let them go again. Rows stay as history.';

COMMENT ON COLUMN public.legal_holds.hold_id IS 'The hold.';

COMMENT ON COLUMN public.legal_holds.event_id IS 'The event; see event_list.';

COMMENT ON COLUMN public.legal_holds.video_id IS 'Footage of the event; nothing of it expires while the hold is open.';

COMMENT ON COLUMN public.legal_holds.reason IS 'Why the event must be kept.';

COMMENT ON COLUMN public.legal_holds.held_by IS 'Who held it.';

COMMENT ON COLUMN public.legal_holds.held_at IS 'When it was held.';

COMMENT ON COLUMN public.legal_holds.database_user IS 'Login that set the hold.';

COMMENT ON COLUMN public.legal_holds.released_at IS 'NULL: the hold is open.';

COMMENT ON COLUMN public.legal_holds.released_by IS 'Who released it.';

COMMENT ON COLUMN public.legal_holds.release_reason IS 'Why the hold was released.';

CREATE TABLE public.video_files (
    uri text NOT NULL,
    video_id bigint,
    camera_id text,
    recorded_at timestamp with time zone,
    size bigint NOT NULL,
    modified double precision NOT NULL,
    problem text,
    seen_at timestamp with time zone NOT NULL,
    missing_since timestamp with time zone,
    CONSTRAINT video_files_check CHECK (((video_id IS NULL) = (problem IS NOT NULL)))
);

ALTER TABLE public.video_files OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.video_files IS 'Files of the archive. Two files with the same content share a video.';

COMMENT ON COLUMN public.video_files.uri IS 'File, relative to the archive root.';

COMMENT ON COLUMN public.video_files.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.video_files.camera_id IS 'Camera that this name states.';

COMMENT ON COLUMN public.video_files.recorded_at IS 'Recording time that this name states, without what was added to it because of a wrong clock.';

COMMENT ON COLUMN public.video_files.size IS 'Bytes.';

COMMENT ON COLUMN public.video_files.modified IS 'Time of the file''s last change, seconds since 1970.';

COMMENT ON COLUMN public.video_files.problem IS 'Why the file could not be registered; NULL: it was.';

COMMENT ON COLUMN public.video_files.seen_at IS 'When discovery saw the file last.';

COMMENT ON COLUMN public.video_files.missing_since IS 'When ingest first did not find the file any more.';

CREATE TABLE public.segment_scores (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    layout_id smallint NOT NULL,
    segment_index integer NOT NULL,
    first_frame integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    status public.segment_status NOT NULL,
    score real,
    key_score real,
    position_score real,
    temporal_score real,
    peak real,
    frame_scores real[] NOT NULL,
    key_frame integer,
    grid_frames integer[],
    winning_window smallint[],
    winning_text text,
    rationale text,
    reason text,
    raw_answer text,
    timings jsonb,
    CONSTRAINT segment_scores_check CHECK (((status = ANY (ARRAY['scored'::public.segment_status, 'carried'::public.segment_status])) OR ((score IS NULL) AND (peak IS NULL) AND (reason IS NOT NULL)))),
    CONSTRAINT segment_scores_check1 CHECK (((status <> ALL (ARRAY['scored'::public.segment_status, 'carried'::public.segment_status])) OR (score IS NOT NULL))),
    CONSTRAINT segment_scores_key_score_check CHECK (((key_score >= (0)::double precision) AND (key_score <= (1)::double precision))),
    CONSTRAINT segment_scores_position_score_check CHECK (((position_score >= (0)::double precision) AND (position_score <= (1)::double precision))),
    CONSTRAINT segment_scores_score_check CHECK (((score >= (0)::double precision) AND (score <= (1)::double precision))),
    CONSTRAINT segment_scores_temporal_score_check CHECK (((temporal_score >= (0)::double precision) AND (temporal_score <= (1)::double precision)))
)
PARTITION BY RANGE (started_at);

ALTER TABLE public.segment_scores OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.segment_scores IS 'What became of every segment, for every scoring and scorer. One partition per month of footage (UTC).';

COMMENT ON COLUMN public.segment_scores.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.segment_scores.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.segment_scores.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.segment_scores.layout_id IS 'How the video was split: segment length and step.';

COMMENT ON COLUMN public.segment_scores.segment_index IS 'Number of the segment in its video, from 0.';

COMMENT ON COLUMN public.segment_scores.first_frame IS 'Number of the first frame in its file, from 0.';

COMMENT ON COLUMN public.segment_scores.started_at IS 'Recording time of the first frame.';

COMMENT ON COLUMN public.segment_scores.ended_at IS 'End of the last frame.';

COMMENT ON COLUMN public.segment_scores.status IS 'scored; carried: as an earlier segment, the scene is static; pruned; failed. Only the first two have scores.';

COMMENT ON COLUMN public.segment_scores.score IS 'Fused score before smoothing.';

COMMENT ON COLUMN public.segment_scores.key_score IS 'What the language model gave the key frame, 0 to 1.';

COMMENT ON COLUMN public.segment_scores.position_score IS 'What the language model gave the position context, 0 to 1.';

COMMENT ON COLUMN public.segment_scores.temporal_score IS 'What the language model gave the temporal context, 0 to 1.';

COMMENT ON COLUMN public.segment_scores.peak IS 'Highest frame score of the segment, after smoothing.';

COMMENT ON COLUMN public.segment_scores.frame_scores IS 'One score per source frame from first_frame on, after smoothing; NULL where there is none.';

COMMENT ON COLUMN public.segment_scores.key_frame IS 'Number of the frame that matches the text best.';

COMMENT ON COLUMN public.segment_scores.grid_frames IS 'Numbers of the four frames of the temporal context.';

COMMENT ON COLUMN public.segment_scores.winning_window IS 'x0, y0, x1, y1 of the winning window in a 240x240 frame.';

COMMENT ON COLUMN public.segment_scores.winning_text IS 'Which of the rule''s texts scored highest.';

COMMENT ON COLUMN public.segment_scores.rationale IS 'What the model said. Data, not instruction.';

COMMENT ON COLUMN public.segment_scores.reason IS 'Why the segment was carried, pruned or failed.';

COMMENT ON COLUMN public.segment_scores.raw_answer IS 'What the model said where that could not be read.';

COMMENT ON COLUMN public.segment_scores.timings IS 'Milliseconds by step.';

CREATE TABLE public.segments (
    video_id bigint NOT NULL,
    layout_id smallint NOT NULL,
    segment_index integer NOT NULL,
    first_frame integer NOT NULL,
    last_frame integer NOT NULL,
    start_s double precision NOT NULL,
    end_s double precision NOT NULL,
    motion real,
    frame_offsets real[],
    CONSTRAINT segments_check CHECK ((last_frame >= first_frame)),
    CONSTRAINT segments_check1 CHECK ((end_s >= start_s)),
    CONSTRAINT segments_check2 CHECK (((frame_offsets IS NULL) OR (array_length(frame_offsets, 1) = ((last_frame - first_frame) + 1)))),
    CONSTRAINT segments_first_frame_check CHECK ((first_frame >= 0)),
    CONSTRAINT segments_segment_index_check CHECK ((segment_index >= 0)),
    CONSTRAINT segments_start_s_check CHECK ((start_s >= (0)::double precision))
);

ALTER TABLE public.segments OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.segments IS 'Runs of frames; the segments of one layout cover every frame and second of their video once.';

COMMENT ON COLUMN public.segments.video_id IS 'A content, under whichever names it lies; see the table videos.';

COMMENT ON COLUMN public.segments.layout_id IS 'How the video was split: segment length and step.';

COMMENT ON COLUMN public.segments.segment_index IS 'Number of the segment in its video, from 0.';

COMMENT ON COLUMN public.segments.first_frame IS 'Number of the first frame in its file, from 0.';

COMMENT ON COLUMN public.segments.last_frame IS 'Number of the last frame, which belongs to it.';

COMMENT ON COLUMN public.segments.start_s IS 'Seconds from the first frame of the video.';

COMMENT ON COLUMN public.segments.end_s IS 'Where the next segment starts, or the video ends.';

COMMENT ON COLUMN public.segments.motion IS 'Mean change from frame to frame, in grey levels.';

COMMENT ON COLUMN public.segments.frame_offsets IS 'Time of each frame, seconds after start_s; NULL: evenly spaced to within a millisecond.';

ALTER TABLE public.legal_holds ALTER COLUMN hold_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.legal_holds_hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.retention_changes (
    change_id bigint NOT NULL,
    camera_id text NOT NULL,
    retention_days integer,
    changed_by text NOT NULL,
    database_user text DEFAULT SESSION_USER NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT retention_changes_changed_by_check CHECK ((changed_by <> ''::text))
);

ALTER TABLE public.retention_changes OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.retention_changes IS 'Who set the retention of a camera to what, and when. Rows are added, never changed.';

COMMENT ON COLUMN public.retention_changes.change_id IS 'The change.';

COMMENT ON COLUMN public.retention_changes.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';

COMMENT ON COLUMN public.retention_changes.retention_days IS 'NULL: for ever.';

COMMENT ON COLUMN public.retention_changes.changed_by IS 'Who changed it.';

COMMENT ON COLUMN public.retention_changes.database_user IS 'Login that wrote it.';

COMMENT ON COLUMN public.retention_changes.changed_at IS 'When it was changed.';

ALTER TABLE public.retention_changes ALTER COLUMN change_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.retention_changes_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.rule_versions ALTER COLUMN rule_version_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rule_versions_rule_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.rules ALTER COLUMN rule_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rules_rule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.scan_runs (
    run_id bigint NOT NULL,
    kind text NOT NULL,
    external_id text,
    code_version text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    outcome text,
    summary jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE public.scan_runs OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.scan_runs IS 'Runs that wrote results.';

COMMENT ON COLUMN public.scan_runs.run_id IS 'Run in scan_runs.';

COMMENT ON COLUMN public.scan_runs.kind IS 'scan or backfill.';

COMMENT ON COLUMN public.scan_runs.external_id IS 'Airflow''s run id, where Airflow started it.';

COMMENT ON COLUMN public.scan_runs.code_version IS 'Version of this software that wrote it.';

COMMENT ON COLUMN public.scan_runs.params IS 'What was asked for: the form of the DAG run.';

COMMENT ON COLUMN public.scan_runs.started_at IS 'When it began.';

COMMENT ON COLUMN public.scan_runs.finished_at IS 'When it ended; NULL: it has not, or was killed.';

COMMENT ON COLUMN public.scan_runs.outcome IS 'success or failed; NULL: it goes on, or was killed.';

COMMENT ON COLUMN public.scan_runs.summary IS 'Counts of what was done. Its key spent has by scorer: seconds that tasks held a slot, start_seconds and other_seconds (not in timings) of them, starts, passes over videos, segments.';

ALTER TABLE public.scan_runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.scan_runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.score_maps (
    map_id bigint NOT NULL,
    rule_id integer NOT NULL,
    scorer_id integer NOT NULL,
    method text NOT NULL,
    scores real[] NOT NULL,
    probabilities real[] NOT NULL,
    confirmed integer NOT NULL,
    rejected integer NOT NULL,
    learned_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT score_maps_check CHECK ((array_length(scores, 1) = array_length(probabilities, 1))),
    CONSTRAINT score_maps_method_check CHECK ((method = ANY (ARRAY['platt'::text, 'isotonic'::text]))),
    CONSTRAINT score_maps_scores_check CHECK ((array_length(scores, 1) >= 2))
);

ALTER TABLE public.score_maps OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.score_maps IS 'Maps from a rule''s score to the probability that a reviewer confirms it, learned from verdicts. Used only where asked for; the newest of a rule and scorer counts.';

COMMENT ON COLUMN public.score_maps.map_id IS 'The map; of a rule and scorer the highest counts.';

COMMENT ON COLUMN public.score_maps.rule_id IS 'The rule, whatever its version.';

COMMENT ON COLUMN public.score_maps.scorer_id IS 'Models and parameters; see the table scorers.';

COMMENT ON COLUMN public.score_maps.method IS 'platt or isotonic.';

COMMENT ON COLUMN public.score_maps.scores IS 'Increasing knots; straight lines between them, constant outside.';

COMMENT ON COLUMN public.score_maps.probabilities IS 'For each of scores, how likely an event with that peak is real.';

COMMENT ON COLUMN public.score_maps.confirmed IS 'Events that reviewers called real.';

COMMENT ON COLUMN public.score_maps.rejected IS 'Events that reviewers called false alarms.';

COMMENT ON COLUMN public.score_maps.learned_at IS 'When it was learned.';

ALTER TABLE public.score_maps ALTER COLUMN map_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.score_maps_map_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.scorers ALTER COLUMN scorer_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.scorers_scorer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.scorings (
    scoring_id integer NOT NULL,
    rule_id integer NOT NULL,
    digest text NOT NULL,
    first_version integer NOT NULL
);

ALTER TABLE public.scorings OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.scorings IS 'What is asked of the models. Versions of a rule that differ only in threshold, duration, hours or cameras share one, and with it their scores.';

COMMENT ON COLUMN public.scorings.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';

COMMENT ON COLUMN public.scorings.rule_id IS 'The rule, whatever its version.';

COMMENT ON COLUMN public.scorings.digest IS 'SHA-256 over everything that makes it what it is.';

COMMENT ON COLUMN public.scorings.first_version IS 'First version of the rule that asks this; Parquet files are named after it.';

ALTER TABLE public.scorings ALTER COLUMN scoring_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.scorings_scoring_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.segment_layouts (
    layout_id smallint NOT NULL,
    segment_frames integer NOT NULL,
    step integer NOT NULL,
    CONSTRAINT segment_layouts_segment_frames_check CHECK ((segment_frames > 0)),
    CONSTRAINT segment_layouts_step_check CHECK ((step > 0))
);

ALTER TABLE public.segment_layouts OWNER TO anyanomaly_owner;

COMMENT ON TABLE public.segment_layouts IS 'Ways to split a video: segment_frames sampled frames each, every step-th frame sampled.';

COMMENT ON COLUMN public.segment_layouts.layout_id IS 'How the video was split: segment length and step.';

COMMENT ON COLUMN public.segment_layouts.segment_frames IS 'Sampled frames of a segment.';

COMMENT ON COLUMN public.segment_layouts.step IS 'Every step-th frame is sampled.';

ALTER TABLE public.segment_layouts ALTER COLUMN layout_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.segment_layouts_layout_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.verdicts ALTER COLUMN verdict_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.verdicts_verdict_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.videos ALTER COLUMN video_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.videos_video_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.cameras
    ADD CONSTRAINT cameras_pkey PRIMARY KEY (camera_id);

ALTER TABLE ONLY public.evaluation_measures
    ADD CONSTRAINT evaluation_measures_pkey PRIMARY KEY (evaluation_id, protocol, class, metric);

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT evaluations_archive_digest_scorer_id_reading_key UNIQUE (archive_digest, scorer_id, reading);

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT evaluations_pkey PRIMARY KEY (evaluation_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_id, rule_version_id);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (hold_id);

ALTER TABLE ONLY public.retention_changes
    ADD CONSTRAINT retention_changes_pkey PRIMARY KEY (change_id);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_pkey PRIMARY KEY (rule_version_id);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_rule_id_version_key UNIQUE (rule_id, version);

ALTER TABLE ONLY public.rules
    ADD CONSTRAINT rules_name_key UNIQUE (name);

ALTER TABLE ONLY public.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (rule_id);

ALTER TABLE ONLY public.scan_runs
    ADD CONSTRAINT scan_runs_kind_external_id_key UNIQUE (kind, external_id);

ALTER TABLE ONLY public.scan_runs
    ADD CONSTRAINT scan_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.score_maps
    ADD CONSTRAINT score_maps_pkey PRIMARY KEY (map_id);

ALTER TABLE ONLY public.scorers
    ADD CONSTRAINT scorers_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.scorers
    ADD CONSTRAINT scorers_pkey PRIMARY KEY (scorer_id);

ALTER TABLE ONLY public.scorings
    ADD CONSTRAINT scorings_pkey PRIMARY KEY (scoring_id);

ALTER TABLE ONLY public.scorings
    ADD CONSTRAINT scorings_rule_id_digest_key UNIQUE (rule_id, digest);

ALTER TABLE ONLY public.segment_layouts
    ADD CONSTRAINT segment_layouts_pkey PRIMARY KEY (layout_id);

ALTER TABLE ONLY public.segment_layouts
    ADD CONSTRAINT segment_layouts_segment_frames_step_key UNIQUE (segment_frames, step);

ALTER TABLE ONLY public.segment_scores
    ADD CONSTRAINT segment_scores_pkey PRIMARY KEY (video_id, scoring_id, scorer_id, segment_index, started_at);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (video_id, layout_id, segment_index);

ALTER TABLE ONLY public.unit_cascades
    ADD CONSTRAINT unit_cascades_pkey PRIMARY KEY (video_id, scoring_id, scorer_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_pkey PRIMARY KEY (video_id, scoring_id, scorer_id);

ALTER TABLE ONLY public.verdicts
    ADD CONSTRAINT verdicts_pkey PRIMARY KEY (verdict_id);

ALTER TABLE ONLY public.video_cameras
    ADD CONSTRAINT video_cameras_pkey PRIMARY KEY (video_id, camera_id);

ALTER TABLE ONLY public.video_files
    ADD CONSTRAINT video_files_pkey PRIMARY KEY (uri);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_content_sha256_key UNIQUE (content_sha256);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_pkey PRIMARY KEY (video_id);

CREATE INDEX events_by_camera ON public.events USING btree (camera_id, started_at);

CREATE INDEX events_by_peak ON public.events USING btree (peak_score DESC, event_id DESC);

CREATE INDEX events_by_rule ON public.events USING btree (rule_version_id, started_at);

CREATE INDEX events_by_video ON public.events USING btree (video_id, rule_version_id);

CREATE UNIQUE INDEX legal_holds_one_open ON public.legal_holds USING btree (event_id) WHERE (released_at IS NULL);

CREATE INDEX legal_holds_open_by_video ON public.legal_holds USING btree (video_id) WHERE (released_at IS NULL);

CREATE INDEX rule_versions_by_scoring ON public.rule_versions USING btree (scoring_id);

CREATE INDEX score_maps_newest ON public.score_maps USING btree (rule_id, scorer_id, map_id DESC);

CREATE INDEX segment_scores_by_time ON ONLY public.segment_scores USING brin (started_at) WITH (autosummarize='on');

CREATE INDEX segment_scores_high ON ONLY public.segment_scores USING btree (scoring_id, started_at) WHERE (peak >= (0.5)::double precision);

CREATE INDEX units_by_scorer ON public.units USING btree (scorer_id, scoring_id);

CREATE UNIQUE INDEX units_one_current ON public.units USING btree (video_id, scoring_id) WHERE is_current;

CREATE INDEX verdicts_by_event ON public.verdicts USING btree (event_id, created_at);

CREATE UNIQUE INDEX verdicts_withdrawn_once ON public.verdicts USING btree (withdraws) WHERE (withdraws IS NOT NULL);

CREATE INDEX video_cameras_by_camera ON public.video_cameras USING btree (camera_id, video_id);

CREATE INDEX video_files_by_video ON public.video_files USING btree (video_id);

CREATE INDEX videos_by_camera ON public.videos USING btree (camera_id, recorded_at);

CREATE INDEX videos_by_time ON public.videos USING btree (recorded_at);

CREATE TRIGGER events_held BEFORE DELETE OR UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.refuse_held_event();

CREATE TRIGGER legal_holds_checked BEFORE INSERT OR UPDATE ON public.legal_holds FOR EACH ROW EXECUTE FUNCTION public.check_hold();

CREATE TRIGGER legal_holds_stay BEFORE DELETE ON public.legal_holds FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER retention_changes_never_change BEFORE DELETE OR UPDATE ON public.retention_changes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER rule_versions_never_change BEFORE DELETE OR UPDATE ON public.rule_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER segment_scores_held BEFORE DELETE OR UPDATE ON public.segment_scores FOR EACH ROW EXECUTE FUNCTION public.refuse_held_scores();

CREATE TRIGGER units_held BEFORE DELETE ON public.units FOR EACH ROW EXECUTE FUNCTION public.refuse_held_scores();

CREATE TRIGGER verdicts_held BEFORE DELETE ON public.verdicts FOR EACH ROW EXECUTE FUNCTION public.refuse_held_event();

CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON public.verdicts FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER verdicts_withdrawal_checked BEFORE INSERT ON public.verdicts FOR EACH ROW WHEN ((new.withdraws IS NOT NULL)) EXECUTE FUNCTION public.check_withdrawal();

ALTER TABLE ONLY public.evaluation_measures
    ADD CONSTRAINT evaluation_measures_evaluation_id_fkey FOREIGN KEY (evaluation_id) REFERENCES public.evaluations(evaluation_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT evaluations_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.scan_runs(run_id);

ALTER TABLE ONLY public.evaluations
    ADD CONSTRAINT evaluations_scorer_id_fkey FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_camera_id_fkey FOREIGN KEY (camera_id) REFERENCES public.cameras(camera_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_rule_version_id_fkey FOREIGN KEY (rule_version_id) REFERENCES public.rule_versions(rule_version_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_scorer_id_fkey FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.retention_changes
    ADD CONSTRAINT retention_changes_camera_id_fkey FOREIGN KEY (camera_id) REFERENCES public.cameras(camera_id);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES public.rules(rule_id);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES public.scorings(scoring_id);

ALTER TABLE ONLY public.score_maps
    ADD CONSTRAINT score_maps_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES public.rules(rule_id);

ALTER TABLE ONLY public.score_maps
    ADD CONSTRAINT score_maps_scorer_id_fkey FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id);

ALTER TABLE ONLY public.scorings
    ADD CONSTRAINT scorings_rule_id_fkey FOREIGN KEY (rule_id) REFERENCES public.rules(rule_id);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_layout_id_fkey FOREIGN KEY (layout_id) REFERENCES public.segment_layouts(layout_id);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.unit_cascades
    ADD CONSTRAINT unit_cascades_video_id_scoring_id_scorer_id_fkey FOREIGN KEY (video_id, scoring_id, scorer_id) REFERENCES public.units(video_id, scoring_id, scorer_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_layout_id_fkey FOREIGN KEY (layout_id) REFERENCES public.segment_layouts(layout_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.scan_runs(run_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_scorer_id_fkey FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_scoring_id_fkey FOREIGN KEY (scoring_id) REFERENCES public.scorings(scoring_id);

ALTER TABLE ONLY public.units
    ADD CONSTRAINT units_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.verdicts
    ADD CONSTRAINT verdicts_rule_version_id_fkey FOREIGN KEY (rule_version_id) REFERENCES public.rule_versions(rule_version_id);

ALTER TABLE ONLY public.verdicts
    ADD CONSTRAINT verdicts_withdraws_fkey FOREIGN KEY (withdraws) REFERENCES public.verdicts(verdict_id);

ALTER TABLE ONLY public.video_cameras
    ADD CONSTRAINT video_cameras_camera_id_fkey FOREIGN KEY (camera_id) REFERENCES public.cameras(camera_id);

ALTER TABLE ONLY public.video_cameras
    ADD CONSTRAINT video_cameras_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.video_files
    ADD CONSTRAINT video_files_camera_id_fkey FOREIGN KEY (camera_id) REFERENCES public.cameras(camera_id);

ALTER TABLE ONLY public.video_files
    ADD CONSTRAINT video_files_video_id_fkey FOREIGN KEY (video_id) REFERENCES public.videos(video_id);

ALTER TABLE ONLY public.videos
    ADD CONSTRAINT videos_camera_id_fkey FOREIGN KEY (camera_id) REFERENCES public.cameras(camera_id);

GRANT CREATE ON SCHEMA public TO anyanomaly_owner;

GRANT ALL ON FUNCTION public.calibrated(scores real[], probabilities real[], score real) TO anyanomaly_writer;
GRANT ALL ON FUNCTION public.calibrated(scores real[], probabilities real[], score real) TO anyanomaly_reviewer;
GRANT ALL ON FUNCTION public.calibrated(scores real[], probabilities real[], score real) TO anyanomaly_reader;

GRANT ALL ON FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision) TO anyanomaly_writer;
GRANT ALL ON FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision) TO anyanomaly_reviewer;
GRANT ALL ON FUNCTION public.clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision) TO anyanomaly_reader;

REVOKE ALL ON FUNCTION public.drop_expired_partition(partition text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.drop_expired_partition(partition text) TO anyanomaly_writer;

REVOKE ALL ON FUNCTION public.ensure_score_partition(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.ensure_score_partition(moment timestamp with time zone) TO anyanomaly_writer;

REVOKE ALL ON FUNCTION public.expire_video(wanted bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.expire_video(wanted bigint) TO anyanomaly_writer;

REVOKE ALL ON FUNCTION public.videos_in_partition(partition text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.videos_in_partition(partition text) TO anyanomaly_writer;

GRANT SELECT ON TABLE public.alembic_version TO anyanomaly_writer;
GRANT SELECT ON TABLE public.alembic_version TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.alembic_version TO anyanomaly_reader;

GRANT SELECT ON TABLE public.cameras TO anyanomaly_writer;
GRANT SELECT ON TABLE public.cameras TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.cameras TO anyanomaly_reader;

GRANT INSERT(camera_id) ON TABLE public.cameras TO anyanomaly_writer;

GRANT INSERT(name),UPDATE(name) ON TABLE public.cameras TO anyanomaly_writer;

GRANT INSERT(time_zone),UPDATE(time_zone) ON TABLE public.cameras TO anyanomaly_writer;

GRANT SELECT,INSERT ON TABLE public.rule_versions TO anyanomaly_writer;
GRANT SELECT ON TABLE public.rule_versions TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.rule_versions TO anyanomaly_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE public.rules TO anyanomaly_writer;
GRANT SELECT ON TABLE public.rules TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.rules TO anyanomaly_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE public.scorers TO anyanomaly_writer;
GRANT SELECT ON TABLE public.scorers TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.scorers TO anyanomaly_reader;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.unit_cascades TO anyanomaly_writer;
GRANT SELECT ON TABLE public.unit_cascades TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.unit_cascades TO anyanomaly_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE public.units TO anyanomaly_writer;
GRANT SELECT ON TABLE public.units TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.units TO anyanomaly_reader;

GRANT SELECT,INSERT ON TABLE public.video_cameras TO anyanomaly_writer;
GRANT SELECT ON TABLE public.video_cameras TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.video_cameras TO anyanomaly_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE public.videos TO anyanomaly_writer;
GRANT SELECT ON TABLE public.videos TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.videos TO anyanomaly_reader;

GRANT SELECT ON TABLE public.verdicts TO anyanomaly_writer;
GRANT SELECT,INSERT ON TABLE public.verdicts TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.verdicts TO anyanomaly_reader;

GRANT SELECT,INSERT,DELETE ON TABLE public.evaluation_measures TO anyanomaly_writer;
GRANT SELECT ON TABLE public.evaluation_measures TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.evaluation_measures TO anyanomaly_reader;

GRANT SELECT,INSERT,DELETE ON TABLE public.evaluations TO anyanomaly_writer;
GRANT SELECT ON TABLE public.evaluations TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.evaluations TO anyanomaly_reader;

GRANT SELECT,INSERT,DELETE ON TABLE public.events TO anyanomaly_writer;
GRANT SELECT ON TABLE public.events TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.events TO anyanomaly_reader;

GRANT SELECT ON TABLE public.legal_holds TO anyanomaly_writer;
GRANT SELECT ON TABLE public.legal_holds TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.legal_holds TO anyanomaly_reader;

GRANT INSERT(event_id) ON TABLE public.legal_holds TO anyanomaly_reviewer;

GRANT INSERT(reason) ON TABLE public.legal_holds TO anyanomaly_reviewer;

GRANT INSERT(held_by) ON TABLE public.legal_holds TO anyanomaly_reviewer;

GRANT SELECT,INSERT,UPDATE ON TABLE public.video_files TO anyanomaly_writer;
GRANT SELECT ON TABLE public.video_files TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.video_files TO anyanomaly_reader;

GRANT SELECT,INSERT,DELETE ON TABLE public.segment_scores TO anyanomaly_writer;
GRANT SELECT ON TABLE public.segment_scores TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.segment_scores TO anyanomaly_reader;

GRANT SELECT,INSERT ON TABLE public.segments TO anyanomaly_writer;
GRANT SELECT ON TABLE public.segments TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.segments TO anyanomaly_reader;

GRANT SELECT ON TABLE public.retention_changes TO anyanomaly_writer;
GRANT SELECT ON TABLE public.retention_changes TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.retention_changes TO anyanomaly_reader;

GRANT SELECT,INSERT,UPDATE ON TABLE public.scan_runs TO anyanomaly_writer;
GRANT SELECT ON TABLE public.scan_runs TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.scan_runs TO anyanomaly_reader;

GRANT SELECT,INSERT ON TABLE public.score_maps TO anyanomaly_writer;
GRANT SELECT ON TABLE public.score_maps TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.score_maps TO anyanomaly_reader;

GRANT SELECT,INSERT ON TABLE public.scorings TO anyanomaly_writer;
GRANT SELECT ON TABLE public.scorings TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.scorings TO anyanomaly_reader;

GRANT SELECT,INSERT ON TABLE public.segment_layouts TO anyanomaly_writer;
GRANT SELECT ON TABLE public.segment_layouts TO anyanomaly_reviewer;
GRANT SELECT ON TABLE public.segment_layouts TO anyanomaly_reader;
