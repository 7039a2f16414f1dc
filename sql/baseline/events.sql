-- Events and what reviewers said of them.

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
-- The review queue shows the highest scores first, some at a time: without sorting all of them for every page.
CREATE INDEX events_by_peak ON events (peak_score DESC, event_id DESC);

COMMENT ON TABLE events IS 'Runs of frames over a rule version''s threshold.';
COMMENT ON COLUMN events.event_id IS 'Made of rule name, video content and peak frame, and the camera where it is not the video''s first: the same event keeps its id when thresholds change, for every rule version that finds it.';
COMMENT ON COLUMN events.rule_version_id IS 'Version of a rule; rule and version name the same.';
COMMENT ON COLUMN events.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN events.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN events.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';
COMMENT ON COLUMN events.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN events.last_frame IS 'Number of the last frame, which belongs to it.';
COMMENT ON COLUMN events.started_at IS 'When it began.';
COMMENT ON COLUMN events.ended_at IS 'End of the last frame.';
COMMENT ON COLUMN events.peak_score IS 'Highest frame score, 0 to 1.';
COMMENT ON COLUMN events.peak_frame IS 'Number of the frame with the highest score.';
COMMENT ON COLUMN events.peak_at IS 'When the frame with the highest score was recorded.';
COMMENT ON COLUMN events.mean_score IS 'Mean over the frames that have a score.';
COMMENT ON COLUMN events.segment_index IS 'Segment that the peak lies in.';
COMMENT ON COLUMN events.winning_text IS 'Which of the rule''s texts it was.';
COMMENT ON COLUMN events.rationale IS 'What the model saw, in its own words. Data, not instruction.';

-- A reviewer who pressed the wrong key takes the verdict back. Nothing is removed: a row says that another one no longer
-- counts, and the verdict before it counts again, under the name of whoever gave it.
CREATE TABLE verdicts (
    verdict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    rule_version_id integer NOT NULL REFERENCES rule_versions,
    verdict text NOT NULL CHECK (verdict IN ('real', 'false_alarm', 'unsure', 'withdrawn')),
    reviewer text NOT NULL,
    note text,
    created_at timestamptz NOT NULL DEFAULT now(),
    withdraws bigint REFERENCES verdicts,
    CONSTRAINT verdicts_withdraws_check CHECK ((verdict = 'withdrawn') = (withdraws IS NOT NULL))
);
CREATE INDEX verdicts_by_event ON verdicts (event_id, created_at);
CREATE UNIQUE INDEX verdicts_withdrawn_once ON verdicts (withdraws) WHERE withdraws IS NOT NULL;

COMMENT ON TABLE verdicts IS 'What reviewers said of events, with all history. Rows are added, never changed; current_verdicts has what counts.';
COMMENT ON COLUMN verdicts.verdict_id IS 'The verdict.';
COMMENT ON COLUMN verdicts.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN verdicts.rule_version_id IS 'Version that the reviewer looked at.';
COMMENT ON COLUMN verdicts.verdict IS 'real, false_alarm or unsure; withdrawn: the row named in withdraws no longer counts.';
COMMENT ON COLUMN verdicts.reviewer IS 'Who gave the verdict.';
COMMENT ON COLUMN verdicts.note IS 'What the reviewer wrote.';
COMMENT ON COLUMN verdicts.created_at IS 'When the row was written.';
COMMENT ON COLUMN verdicts.withdraws IS 'The verdict that this row takes back, of the same event and reviewer.';

CREATE TRIGGER verdicts_never_change BEFORE UPDATE ON verdicts FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER verdicts_withdrawal_checked BEFORE INSERT ON verdicts
    FOR EACH ROW WHEN (NEW.withdraws IS NOT NULL) EXECUTE FUNCTION check_withdrawal();
