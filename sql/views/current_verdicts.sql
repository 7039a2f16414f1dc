CREATE OR REPLACE VIEW current_verdicts AS
SELECT DISTINCT ON (d.event_id) d.event_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id, d.rule_version_id
FROM verdicts d
WHERE d.withdraws IS NULL AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
ORDER BY d.event_id, d.created_at DESC, d.verdict_id DESC;

COMMENT ON VIEW current_verdicts IS 'What counts of each reviewed event: the newest verdict that was not withdrawn.';
COMMENT ON COLUMN current_verdicts.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN current_verdicts.verdict IS 'real, false_alarm or unsure.';
COMMENT ON COLUMN current_verdicts.reviewer IS 'Who gave the verdict.';
COMMENT ON COLUMN current_verdicts.note IS 'What the reviewer wrote.';
COMMENT ON COLUMN current_verdicts.created_at IS 'When the row was written.';
COMMENT ON COLUMN current_verdicts.verdict_id IS 'The verdict.';
COMMENT ON COLUMN current_verdicts.rule_version_id IS 'Version of a rule; rule and version name the same.';

GRANT SELECT ON current_verdicts TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
