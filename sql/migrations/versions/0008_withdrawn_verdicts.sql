-- A reviewer who pressed the wrong key takes the verdict back. Nothing is removed: a row says that another one no longer
-- counts, and the verdict before it counts again, under the name of whoever gave it.

ALTER TABLE verdicts DROP CONSTRAINT verdicts_verdict_check;
ALTER TABLE verdicts ADD COLUMN withdraws bigint REFERENCES verdicts;
ALTER TABLE verdicts ADD CONSTRAINT verdicts_verdict_check
    CHECK (verdict IN ('real', 'false_alarm', 'unsure', 'withdrawn'));
ALTER TABLE verdicts ADD CONSTRAINT verdicts_withdraws_check CHECK ((verdict = 'withdrawn') = (withdraws IS NOT NULL));
CREATE UNIQUE INDEX verdicts_withdrawn_once ON verdicts (withdraws) WHERE withdraws IS NOT NULL;
COMMENT ON TABLE verdicts IS 'What reviewers said of events, with all history. Rows are added, never changed; current_verdicts has what counts.';
COMMENT ON COLUMN verdicts.verdict IS 'real, false_alarm or unsure; withdrawn: the row named in withdraws no longer counts.';
COMMENT ON COLUMN verdicts.withdraws IS 'The verdict that this row takes back, of the same event and reviewer.';

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

CREATE VIEW current_verdicts AS
SELECT DISTINCT ON (d.event_id) d.event_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id, d.rule_version_id
FROM verdicts d
WHERE d.withdraws IS NULL AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
ORDER BY d.event_id, d.created_at DESC, d.verdict_id DESC;
COMMENT ON VIEW current_verdicts IS 'What counts of each reviewed event: the newest verdict that was not withdrawn.';

CREATE OR REPLACE VIEW event_list AS
SELECT e.event_id, r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version,
       e.camera_id AS camera, c.name AS camera_name, e.started_at, e.ended_at,
       e.started_at AT TIME ZONE c.time_zone AS started_local, e.ended_at AT TIME ZONE c.time_zone AS ended_local,
       extract(epoch FROM e.ended_at - e.started_at)::double precision AS duration_s,
       e.peak_score, e.peak_at, e.mean_score, e.winning_text, e.rationale,
       v.video_id, v.uri, e.first_frame, e.last_frame, e.peak_frame, e.segment_index,
       said.verdict, said.reviewer, said.created_at AS verdict_at, s.profile_name AS profile, s.notice, e.scorer_id,
       EXISTS (SELECT FROM legal_holds h WHERE h.event_id = e.event_id AND h.released_at IS NULL) AS held,
       said.note
FROM events e
JOIN rule_versions rv USING (rule_version_id)
JOIN rules r USING (rule_id)
JOIN cameras c ON c.camera_id = e.camera_id
JOIN videos v ON v.video_id = e.video_id
JOIN scorers s ON s.scorer_id = e.scorer_id
LEFT JOIN LATERAL (
    SELECT d.verdict, d.reviewer, d.created_at, d.note FROM verdicts d
    WHERE d.event_id = e.event_id AND d.withdraws IS NULL
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ORDER BY d.created_at DESC, d.verdict_id DESC LIMIT 1
) AS said ON true;
COMMENT ON COLUMN event_list.note IS 'What the reviewer wrote with the verdict that counts.';

GRANT SELECT ON current_verdicts TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
