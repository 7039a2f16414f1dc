CREATE OR REPLACE VIEW case_list AS
SELECT c.case_id, c.title, c.opened_by, c.opened_at,
       coalesce((SELECT e.kind = 'closed' FROM case_entries e WHERE e.case_id = c.case_id AND e.kind IN ('closed', 'reopened')
                 ORDER BY e.entry_id DESC LIMIT 1), false) AS is_closed,
       (SELECT e.text FROM case_entries e WHERE e.case_id = c.case_id AND e.kind = 'assigned'
        ORDER BY e.entry_id DESC LIMIT 1) AS assigned_to,
       (SELECT count(*) FROM case_events e WHERE e.case_id = c.case_id) AS events,
       (SELECT count(*) FROM case_entries e WHERE e.case_id = c.case_id AND e.kind = 'comment') AS comments,
       coalesce((SELECT max(e.created_at) FROM case_entries e WHERE e.case_id = c.case_id), c.opened_at) AS changed_at
FROM cases c;

COMMENT ON VIEW case_list IS 'One row per case, as it is now.';
COMMENT ON COLUMN case_list.case_id IS 'The case.';
COMMENT ON COLUMN case_list.title IS 'What it is about.';
COMMENT ON COLUMN case_list.opened_by IS 'Who opened it.';
COMMENT ON COLUMN case_list.opened_at IS 'When it was opened.';
COMMENT ON COLUMN case_list.is_closed IS 'Whether nobody works on it any more.';
COMMENT ON COLUMN case_list.assigned_to IS 'Who works on it; NULL: nobody was named.';
COMMENT ON COLUMN case_list.events IS 'How many events belong to it now.';
COMMENT ON COLUMN case_list.comments IS 'How many comments there are.';
COMMENT ON COLUMN case_list.changed_at IS 'When somebody did something with it last.';

GRANT SELECT ON case_list TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
