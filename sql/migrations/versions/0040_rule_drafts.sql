-- Drafts of rules that somebody adopted on the pages. The pages may add one, and only who may write rules gets that far; the
-- DAG adopt_rule makes it a version. So nobody makes a version of a rule by starting a DAG with words of his own.

CREATE TABLE rule_drafts (
    draft_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    based_on integer NOT NULL CHECK (based_on >= 0),
    definition jsonb NOT NULL,
    author text NOT NULL CHECK (btrim(author) <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE rule_drafts IS 'Rules as somebody adopted them on the pages. Rows are added, never changed; rule_versions has what became of them.';
COMMENT ON COLUMN rule_drafts.draft_id IS 'The draft.';
COMMENT ON COLUMN rule_drafts.rule IS 'Name of the rule.';
COMMENT ON COLUMN rule_drafts.based_on IS 'Version that was in force when it was written; 0: a new rule. Only on that one it can be adopted.';
COMMENT ON COLUMN rule_drafts.definition IS 'The rule file.';
COMMENT ON COLUMN rule_drafts.author IS 'Who adopted it.';
COMMENT ON COLUMN rule_drafts.created_at IS 'When it was adopted.';

CREATE TRIGGER rule_drafts_never_change BEFORE UPDATE OR DELETE ON rule_drafts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT ON rule_drafts TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT ON rule_drafts TO anyanomaly_reviewer;

-- A file that says what it said before is no news: what was adopted on the pages since stays.
ALTER TABLE rules ADD COLUMN applied_digest text;
COMMENT ON COLUMN rules.applied_digest IS 'Digest of what the file applied last says; only a change of it makes a version. NULL: no file was applied.';
UPDATE rules SET applied_digest = rule_versions.digest
FROM rule_versions WHERE (rule_versions.rule_id, rule_versions.version) = (rules.rule_id, rules.current_version);
