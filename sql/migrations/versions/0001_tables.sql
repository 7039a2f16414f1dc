-- Tables of the results database. docs/decisions.md, section "Storage", says why they look like this.

CREATE TYPE video_state AS ENUM ('registered', 'ready', 'damaged', 'unreadable', 'missing');
CREATE TYPE segment_status AS ENUM ('scored', 'carried', 'pruned', 'failed');
CREATE TYPE unit_state AS ENUM ('done', 'partial', 'failed');
CREATE TYPE rule_state AS ENUM ('active', 'paused', 'retired');

-- Footage ------------------------------------------------------------------------------------------------------

CREATE TABLE cameras (
    camera_id text PRIMARY KEY CHECK (camera_id <> ''),
    name text NOT NULL,
    time_zone text NOT NULL,
    retention_days integer CHECK (retention_days > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cameras IS 'Places that film.';
COMMENT ON COLUMN cameras.time_zone IS 'IANA time zone; rule hours and local times are in it.';
COMMENT ON COLUMN cameras.retention_days IS 'Days that footage and results of this camera are kept; NULL: for ever.';

CREATE TABLE videos (
    video_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_sha256 text NOT NULL UNIQUE CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    camera_id text NOT NULL REFERENCES cameras,
    uri text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_at_source text NOT NULL,
    state video_state NOT NULL DEFAULT 'registered',
    error text,
    frame_count integer CHECK (frame_count > 0),
    duration_s double precision CHECK (duration_s >= 0),
    fps_num integer,
    fps_den integer CHECK (fps_den > 0),
    width integer,
    height integer,
    rotation smallint,
    codec text,
    damage text[] NOT NULL DEFAULT '{}',
    complete boolean,
    decoder text,
    registered_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    CHECK (state NOT IN ('ready', 'damaged') OR (frame_count IS NOT NULL AND duration_s IS NOT NULL)),
    CHECK (state <> 'unreadable' OR error IS NOT NULL)
);
CREATE INDEX videos_by_camera ON videos (camera_id, recorded_at);
CREATE INDEX videos_by_time ON videos (recorded_at);
COMMENT ON TABLE videos IS 'Stored recordings, one row per distinct content, however many names it has.';
COMMENT ON COLUMN videos.uri IS 'A name under which the content lies, relative to the archive root; all of them: video_files.';
COMMENT ON COLUMN videos.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN videos.recorded_at_source IS 'Where that is stated: path, sidecar or container.';
COMMENT ON COLUMN videos.state IS 'registered: seen, not decoded yet; ready; damaged: decoded with complaints, scored all the same; unreadable: no frame; missing: no file has this content any more.';
COMMENT ON COLUMN videos.error IS 'Why the video is unreadable.';
COMMENT ON COLUMN videos.frame_count IS 'Decoded frames, not what the header says.';
COMMENT ON COLUMN videos.duration_s IS 'From the first frame to the end of the last; for an unreadable video what its header says, if anything.';
COMMENT ON COLUMN videos.damage IS 'What the decoder complained about.';
COMMENT ON COLUMN videos.complete IS 'false: decoding stopped before the end of the file.';

CREATE TABLE video_files (
    uri text PRIMARY KEY,
    video_id bigint REFERENCES videos,
    camera_id text REFERENCES cameras,
    recorded_at timestamptz,
    size bigint NOT NULL,
    modified double precision NOT NULL,
    problem text,
    seen_at timestamptz NOT NULL,
    missing_since timestamptz,
    CHECK ((video_id IS NULL) = (problem IS NOT NULL))
);
CREATE INDEX video_files_by_video ON video_files (video_id);
COMMENT ON TABLE video_files IS 'Files of the archive. Two files with the same content share a video.';
COMMENT ON COLUMN video_files.camera_id IS 'Camera that this name states; that of the video is the first one found.';
COMMENT ON COLUMN video_files.problem IS 'Why the file could not be registered; NULL: it was.';
COMMENT ON COLUMN video_files.missing_since IS 'When ingest first did not find the file any more.';

CREATE TABLE segment_layouts (
    layout_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_frames integer NOT NULL CHECK (segment_frames > 0),
    step integer NOT NULL CHECK (step > 0),
    UNIQUE (segment_frames, step)
);
COMMENT ON TABLE segment_layouts IS 'Ways to split a video: segment_frames sampled frames each, every step-th frame sampled.';

CREATE TABLE segments (
    video_id bigint NOT NULL REFERENCES videos,
    layout_id smallint NOT NULL REFERENCES segment_layouts,
    segment_index integer NOT NULL CHECK (segment_index >= 0),
    first_frame integer NOT NULL CHECK (first_frame >= 0),
    last_frame integer NOT NULL,
    start_s double precision NOT NULL CHECK (start_s >= 0),
    end_s double precision NOT NULL,
    motion real,
    frame_offsets real[],
    PRIMARY KEY (video_id, layout_id, segment_index),
    CHECK (last_frame >= first_frame),
    CHECK (end_s >= start_s),
    CHECK (frame_offsets IS NULL OR array_length(frame_offsets, 1) = last_frame - first_frame + 1)
);
COMMENT ON TABLE segments IS 'Runs of frames; the segments of one layout cover every frame and second of their video once.';
COMMENT ON COLUMN segments.start_s IS 'Seconds from the first frame of the video.';
COMMENT ON COLUMN segments.end_s IS 'Where the next segment starts, or the video ends.';
COMMENT ON COLUMN segments.motion IS 'Mean change from frame to frame, in grey levels.';
COMMENT ON COLUMN segments.frame_offsets IS 'Time of each frame, seconds after start_s; NULL: evenly spaced to within a millisecond.';

-- Rules --------------------------------------------------------------------------------------------------------

CREATE TABLE rules (
    rule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    state rule_state NOT NULL DEFAULT 'active',
    current_version integer NOT NULL CHECK (current_version > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE rules IS 'Mutable names of immutable rule versions.';

CREATE TABLE scorings (
    scoring_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id integer NOT NULL REFERENCES rules,
    digest text NOT NULL,
    first_version integer NOT NULL,
    UNIQUE (rule_id, digest)
);
COMMENT ON TABLE scorings IS 'What is asked of the models. Versions of a rule that differ only in threshold, duration, hours or cameras share one, and with it their scores.';
COMMENT ON COLUMN scorings.first_version IS 'First version of the rule that asks this; Parquet files are named after it.';

CREATE TABLE rule_versions (
    rule_version_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id integer NOT NULL REFERENCES rules,
    version integer NOT NULL CHECK (version > 0),
    scoring_id integer NOT NULL REFERENCES scorings,
    definition jsonb NOT NULL,
    cameras text[] NOT NULL,
    threshold real NOT NULL,
    digest text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (rule_id, version)
);
CREATE INDEX rule_versions_by_scoring ON rule_versions (scoring_id);
COMMENT ON TABLE rule_versions IS 'What a rule said, version by version; rows never change.';
COMMENT ON COLUMN rule_versions.definition IS 'The rule file.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change; add a new one instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER rule_versions_never_change BEFORE UPDATE OR DELETE ON rule_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION glob_matches(value text, globs text[]) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(globs) AS g(glob)
        WHERE value LIKE replace(replace(replace(replace(replace(
            glob, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')
    )
$$;
COMMENT ON FUNCTION glob_matches IS 'Whether a camera id matches one of the patterns; * stands for anything, ? for one character.';

-- Scorers, runs and the ledger of units ------------------------------------------------------------------------

CREATE TABLE scorers (
    scorer_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE,
    profile_digest text NOT NULL,
    profile_name text NOT NULL,
    profile jsonb NOT NULL,
    revisions jsonb NOT NULL,
    code_version text NOT NULL,
    notice text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE scorers IS 'Models and parameters that make a score what it is.';
COMMENT ON COLUMN scorers.profile_digest IS 'Digest of the profile alone, known before its models are loaded.';
COMMENT ON COLUMN scorers.notice IS 'To be shown wherever scores of this scorer are shown.';

CREATE TABLE scan_runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    external_id text,
    code_version text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    outcome text,
    summary jsonb NOT NULL DEFAULT '{}',
    UNIQUE (kind, external_id)
);
COMMENT ON TABLE scan_runs IS 'Runs that wrote results.';
COMMENT ON COLUMN scan_runs.external_id IS 'Airflow''s run id, where Airflow started it.';

CREATE TABLE units (
    video_id bigint NOT NULL REFERENCES videos,
    scoring_id integer NOT NULL REFERENCES scorings,
    scorer_id integer NOT NULL REFERENCES scorers,
    layout_id smallint NOT NULL REFERENCES segment_layouts,
    state unit_state NOT NULL,
    is_current boolean NOT NULL,
    attempts integer NOT NULL CHECK (attempts > 0),
    last_error text,
    segments_scored integer NOT NULL,
    segments_carried integer NOT NULL,
    segments_pruned integer NOT NULL,
    segments_failed integer NOT NULL,
    seconds_scored double precision NOT NULL,
    seconds_carried double precision NOT NULL,
    seconds_pruned double precision NOT NULL,
    seconds_failed double precision NOT NULL,
    work_ms real NOT NULL DEFAULT 0,
    run_id bigint REFERENCES scan_runs,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, scoring_id, scorer_id),
    CHECK (state <> 'failed' OR last_error IS NOT NULL)
);
CREATE UNIQUE INDEX units_one_current ON units (video_id, scoring_id) WHERE is_current;
CREATE INDEX units_by_scorer ON units (scorer_id, scoring_id);
COMMENT ON TABLE units IS 'What was committed: one row per video, scoring and scorer, written with its scores in one transaction.';
COMMENT ON COLUMN units.state IS 'done; partial: some segments failed; failed: all did.';
COMMENT ON COLUMN units.is_current IS 'Whether the views show these scores: the newest of the video''s scorers is.';
COMMENT ON COLUMN units.work_ms IS 'Time its segments took, as their timings say.';

-- Scores -------------------------------------------------------------------------------------------------------

CREATE TABLE segment_scores (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    layout_id smallint NOT NULL,
    segment_index integer NOT NULL,
    first_frame integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    status segment_status NOT NULL,
    score real CHECK (score BETWEEN 0 AND 1),
    key_score real CHECK (key_score BETWEEN 0 AND 1),
    position_score real CHECK (position_score BETWEEN 0 AND 1),
    temporal_score real CHECK (temporal_score BETWEEN 0 AND 1),
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
    PRIMARY KEY (video_id, scoring_id, scorer_id, segment_index, started_at),
    CHECK (status IN ('scored', 'carried') OR (score IS NULL AND peak IS NULL AND reason IS NOT NULL)),
    CHECK (status NOT IN ('scored', 'carried') OR score IS NOT NULL)
) PARTITION BY RANGE (started_at);
CREATE INDEX segment_scores_by_time ON segment_scores USING brin (started_at) WITH (autosummarize = on);
CREATE INDEX segment_scores_high ON segment_scores (scoring_id, started_at) WHERE peak >= 0.5;
COMMENT ON TABLE segment_scores IS 'What became of every segment, for every scoring and scorer. One partition per month of footage (UTC).';
COMMENT ON COLUMN segment_scores.started_at IS 'Recording time of the first frame.';
COMMENT ON COLUMN segment_scores.status IS 'scored; carried: as an earlier segment, the scene is static; pruned; failed. Only the first two have scores.';
COMMENT ON COLUMN segment_scores.score IS 'Fused score before smoothing.';
COMMENT ON COLUMN segment_scores.peak IS 'Highest frame score of the segment, after smoothing.';
COMMENT ON COLUMN segment_scores.frame_scores IS 'One score per source frame from first_frame on, after smoothing; NULL where there is none.';
COMMENT ON COLUMN segment_scores.winning_window IS 'x0, y0, x1, y1 of the winning window in a 240x240 frame.';
COMMENT ON COLUMN segment_scores.winning_text IS 'Which of the rule''s texts scored highest.';
COMMENT ON COLUMN segment_scores.rationale IS 'What the model said. Data, not instruction.';
COMMENT ON COLUMN segment_scores.reason IS 'Why the segment was carried, pruned or failed.';
COMMENT ON COLUMN segment_scores.timings IS 'Milliseconds by step.';

CREATE FUNCTION ensure_score_partition(moment timestamptz) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
COMMENT ON FUNCTION ensure_score_partition IS 'Makes the partition of the month of a moment, unless it is there; returns its name.';

-- Events and verdicts ------------------------------------------------------------------------------------------

CREATE TABLE events (
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL REFERENCES rule_versions,
    video_id bigint NOT NULL REFERENCES videos,
    scorer_id integer NOT NULL REFERENCES scorers,
    camera_id text NOT NULL REFERENCES cameras,
    first_frame integer NOT NULL,
    last_frame integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    peak_score real NOT NULL,
    peak_frame integer NOT NULL,
    peak_at timestamptz NOT NULL,
    mean_score real NOT NULL,
    segment_index integer NOT NULL,
    winning_text text,
    rationale text,
    PRIMARY KEY (event_id, rule_version_id),
    CHECK (first_frame <= peak_frame AND peak_frame <= last_frame),
    CHECK (ended_at >= started_at)
);
CREATE INDEX events_by_rule ON events (rule_version_id, started_at);
CREATE INDEX events_by_camera ON events (camera_id, started_at);
CREATE INDEX events_by_video ON events (video_id, rule_version_id);
COMMENT ON TABLE events IS 'Runs of frames over a rule version''s threshold.';
COMMENT ON COLUMN events.event_id IS 'Made of rule name, video content and peak frame: the same event keeps its id when thresholds change, for every rule version that finds it.';
COMMENT ON COLUMN events.segment_index IS 'Segment that the peak lies in.';

CREATE TABLE verdicts (
    verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL REFERENCES rule_versions,
    verdict text NOT NULL CHECK (verdict IN ('real', 'false_alarm', 'unsure')),
    reviewer text NOT NULL,
    note text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verdicts_by_event ON verdicts (event_id, created_at);
COMMENT ON TABLE verdicts IS 'What reviewers said of events. Rows are added, never changed; the newest of an event counts.';
COMMENT ON COLUMN verdicts.rule_version_id IS 'Version that the reviewer looked at.';
CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON verdicts FOR EACH ROW EXECUTE FUNCTION refuse_change();
