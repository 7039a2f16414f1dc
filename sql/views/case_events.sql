CREATE OR REPLACE VIEW case_events AS
SELECT case_id, event_id, author AS added_by, created_at AS added_at
FROM (
    SELECT DISTINCT ON (case_id, event_id) case_id, event_id, kind, author, created_at
    FROM case_entries WHERE event_id IS NOT NULL ORDER BY case_id, event_id, entry_id DESC
) AS newest
WHERE kind = 'event_added';

COMMENT ON VIEW case_events IS 'Which events belong to which case now.';
COMMENT ON COLUMN case_events.case_id IS 'The case.';
COMMENT ON COLUMN case_events.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN case_events.added_by IS 'Who added it.';
COMMENT ON COLUMN case_events.added_at IS 'When it was added.';

GRANT SELECT ON case_events TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
