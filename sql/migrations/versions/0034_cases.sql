-- Cases: events that belong together, and what people do about them. Like verdicts, rows are added and never changed: what a
-- case is like now follows from its entries.

CREATE TABLE cases (
    case_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL CHECK (btrim(title) <> '' AND length(title) <= 200),
    opened_by text NOT NULL CHECK (btrim(opened_by) <> ''),
    opened_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE cases IS 'Events that belong together; case_entries has what was done. Rows are added, never changed.';
COMMENT ON COLUMN cases.case_id IS 'The case.';
COMMENT ON COLUMN cases.title IS 'What it is about.';
COMMENT ON COLUMN cases.opened_by IS 'Who opened it.';
COMMENT ON COLUMN cases.opened_at IS 'When it was opened.';

CREATE TABLE case_entries (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES cases,
    kind text NOT NULL CHECK (kind IN ('event_added', 'event_removed', 'assigned', 'comment', 'held', 'exported', 'closed', 'reopened')),
    event_id uuid,
    text text CHECK (length(text) <= 4000),
    author text NOT NULL CHECK (btrim(author) <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind IN ('event_added', 'event_removed')) = (event_id IS NOT NULL)),
    CHECK (kind NOT IN ('comment', 'assigned') OR btrim(text) <> '')
);
CREATE INDEX case_entries_by_case ON case_entries (case_id, entry_id);
CREATE INDEX case_entries_by_event ON case_entries (event_id) WHERE event_id IS NOT NULL;

COMMENT ON TABLE case_entries IS 'What people did with cases, in order. Rows are added, never changed; the newest entry of a kind counts.';
COMMENT ON COLUMN case_entries.entry_id IS 'The entry; entries of a case are in this order.';
COMMENT ON COLUMN case_entries.case_id IS 'The case.';
COMMENT ON COLUMN case_entries.kind IS 'event_added, event_removed, assigned (to the person in text), comment, held (events put under legal hold; text says why), exported (as a bundle; text has its SHA-256), closed or reopened.';
COMMENT ON COLUMN case_entries.event_id IS 'The event that was added or removed; see event_list.';
COMMENT ON COLUMN case_entries.text IS 'The comment, the person, the reason.';
COMMENT ON COLUMN case_entries.author IS 'Who did it.';
COMMENT ON COLUMN case_entries.created_at IS 'When it was done.';

CREATE TRIGGER cases_never_change BEFORE UPDATE OR DELETE ON cases FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_entries_never_change BEFORE UPDATE OR DELETE ON case_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT ON cases, case_entries TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT ON cases, case_entries TO anyanomaly_reviewer;
