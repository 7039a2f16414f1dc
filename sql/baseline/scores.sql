-- Scorers, runs, the ledger of units, and the scores of segments.

CREATE TYPE segment_status AS ENUM ('scored', 'carried', 'pruned', 'failed');
CREATE TYPE unit_state AS ENUM ('done', 'partial', 'failed');

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
COMMENT ON COLUMN scorers.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN scorers.digest IS 'SHA-256 over everything that makes it what it is.';
COMMENT ON COLUMN scorers.profile_digest IS 'Digest of the profile alone, known before its models are loaded.';
COMMENT ON COLUMN scorers.profile_name IS 'Profile that it was made of.';
COMMENT ON COLUMN scorers.profile IS 'The profile as it was loaded.';
COMMENT ON COLUMN scorers.revisions IS 'Keys encoder and lvlm: hub commit, or hash of the weights, of the loaded models.';
COMMENT ON COLUMN scorers.code_version IS 'Version of this software that wrote it.';
COMMENT ON COLUMN scorers.notice IS 'To be shown wherever scores of this scorer are shown.';
COMMENT ON COLUMN scorers.created_at IS 'When the row was written.';
COMMENT ON COLUMN scorers.last_used_at IS 'When it scored last.';

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
COMMENT ON COLUMN scan_runs.run_id IS 'Run in scan_runs.';
COMMENT ON COLUMN scan_runs.kind IS 'scan or backfill.';
COMMENT ON COLUMN scan_runs.external_id IS 'Airflow''s run id, where Airflow started it.';
COMMENT ON COLUMN scan_runs.code_version IS 'Version of this software that wrote it.';
COMMENT ON COLUMN scan_runs.params IS 'What was asked for: the form of the DAG run.';
COMMENT ON COLUMN scan_runs.started_at IS 'When it began.';
COMMENT ON COLUMN scan_runs.finished_at IS 'When it ended; NULL: it has not, or was killed.';
COMMENT ON COLUMN scan_runs.outcome IS 'success or failed; NULL: it goes on, or was killed.';
COMMENT ON COLUMN scan_runs.summary IS 'Counts of what was done. Its key spent has by scorer: seconds that tasks held a slot, start_seconds and other_seconds (not in timings) of them, starts, passes over videos, segments.';

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
    mask_digest text,
    PRIMARY KEY (video_id, scoring_id, scorer_id),
    CHECK (state <> 'failed' OR last_error IS NOT NULL)
);
CREATE UNIQUE INDEX units_one_current ON units (video_id, scoring_id) WHERE is_current;
CREATE INDEX units_by_scorer ON units (scorer_id, scoring_id);

COMMENT ON TABLE units IS 'What was committed: one row per video, scoring and scorer, written with its scores in one transaction.';
COMMENT ON COLUMN units.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN units.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN units.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN units.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN units.state IS 'done; partial: some segments failed; failed: all did.';
COMMENT ON COLUMN units.is_current IS 'Whether the views show these scores: the newest of the video''s scorers is.';
COMMENT ON COLUMN units.attempts IS 'How often it was tried.';
COMMENT ON COLUMN units.last_error IS 'Reason of the first failed segment, or why the whole failed.';
COMMENT ON COLUMN units.segments_scored IS 'Segments that the models judged.';
COMMENT ON COLUMN units.segments_carried IS 'Segments of a static scene, which take over an earlier score.';
COMMENT ON COLUMN units.segments_pruned IS 'Segments that a cascade left out.';
COMMENT ON COLUMN units.segments_failed IS 'Segments that could not be decoded, answered or read.';
COMMENT ON COLUMN units.seconds_scored IS 'Footage seconds in such segments.';
COMMENT ON COLUMN units.seconds_carried IS 'Footage seconds in such segments.';
COMMENT ON COLUMN units.seconds_pruned IS 'Footage seconds in such segments.';
COMMENT ON COLUMN units.seconds_failed IS 'Footage seconds in such segments.';
COMMENT ON COLUMN units.work_ms IS 'Time its segments took, as their timings say.';
COMMENT ON COLUMN units.run_id IS 'Run in scan_runs.';
COMMENT ON COLUMN units.finished_at IS 'When it ended; NULL: it has not, or was killed.';
COMMENT ON COLUMN units.mask_digest IS 'SHA-256 of the camera''s privacy mask when this was scored; NULL: it had none.';

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
COMMENT ON COLUMN segment_scores.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN segment_scores.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN segment_scores.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN segment_scores.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN segment_scores.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN segment_scores.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN segment_scores.started_at IS 'Recording time of the first frame.';
COMMENT ON COLUMN segment_scores.ended_at IS 'End of the last frame.';
COMMENT ON COLUMN segment_scores.status IS 'scored; carried: as an earlier segment, the scene is static; pruned; failed. Only the first two have scores.';
COMMENT ON COLUMN segment_scores.score IS 'Fused score before smoothing.';
COMMENT ON COLUMN segment_scores.key_score IS 'What the language model gave the key frame, 0 to 1.';
COMMENT ON COLUMN segment_scores.position_score IS 'What the language model gave the position context, 0 to 1.';
COMMENT ON COLUMN segment_scores.temporal_score IS 'What the language model gave the temporal context, 0 to 1.';
COMMENT ON COLUMN segment_scores.peak IS 'Highest frame score of the segment, after smoothing.';
COMMENT ON COLUMN segment_scores.frame_scores IS 'One score per source frame from first_frame on, after smoothing; NULL where there is none.';
COMMENT ON COLUMN segment_scores.key_frame IS 'Number of the frame that matches the text best.';
COMMENT ON COLUMN segment_scores.grid_frames IS 'Numbers of the four frames of the temporal context.';
COMMENT ON COLUMN segment_scores.winning_window IS 'x0, y0, x1, y1 of the winning window in a 240x240 frame.';
COMMENT ON COLUMN segment_scores.winning_text IS 'Which of the rule''s texts scored highest.';
COMMENT ON COLUMN segment_scores.rationale IS 'What the model said. Data, not instruction.';
COMMENT ON COLUMN segment_scores.reason IS 'Why the segment was carried, pruned or failed.';
COMMENT ON COLUMN segment_scores.raw_answer IS 'What the model said where that could not be read.';
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

-- Nobody has rights on single partitions: maintenance asks through the owner which videos one holds.
CREATE FUNCTION videos_in_partition(partition text) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
