-- Rules, their immutable versions, and what they ask the models (scorings).

CREATE TYPE rule_state AS ENUM ('active', 'paused', 'retired');

CREATE TABLE rules (
    rule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    state rule_state NOT NULL DEFAULT 'active',
    current_version integer NOT NULL CHECK (current_version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    events_version integer,
    applied_active boolean NOT NULL DEFAULT true
);

COMMENT ON TABLE rules IS 'Mutable names of immutable rule versions.';
COMMENT ON COLUMN rules.rule_id IS 'The rule, whatever its version.';
COMMENT ON COLUMN rules.name IS 'What people and files call it.';
COMMENT ON COLUMN rules.state IS 'active, paused or retired; only active rules are scanned for.';
COMMENT ON COLUMN rules.current_version IS 'Number of the version that is in force.';
COMMENT ON COLUMN rules.created_at IS 'When the row was written.';
COMMENT ON COLUMN rules.events_version IS 'Version whose events have been derived from all scores there are; behind current_version: still to do.';
COMMENT ON COLUMN rules.applied_active IS 'What the file applied last says of `active`; only a change of it changes the state.';

CREATE TABLE scorings (
    scoring_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id integer NOT NULL REFERENCES rules,
    digest text NOT NULL,
    first_version integer NOT NULL,
    UNIQUE (rule_id, digest)
);

COMMENT ON TABLE scorings IS 'What is asked of the models. Versions of a rule that differ only in threshold, duration, hours or cameras share one, and with it their scores.';
COMMENT ON COLUMN scorings.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN scorings.rule_id IS 'The rule, whatever its version.';
COMMENT ON COLUMN scorings.digest IS 'SHA-256 over everything that makes it what it is.';
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
COMMENT ON COLUMN rule_versions.rule_version_id IS 'Version of a rule; rule and version name the same.';
COMMENT ON COLUMN rule_versions.rule_id IS 'The rule, whatever its version.';
COMMENT ON COLUMN rule_versions.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN rule_versions.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN rule_versions.definition IS 'The rule file.';
COMMENT ON COLUMN rule_versions.cameras IS 'Glob patterns of camera ids that the rule looks at.';
COMMENT ON COLUMN rule_versions.threshold IS 'Frames from this score on belong to an event.';
COMMENT ON COLUMN rule_versions.digest IS 'SHA-256 over everything that makes it what it is.';
COMMENT ON COLUMN rule_versions.author IS 'Who applied it.';
COMMENT ON COLUMN rule_versions.created_at IS 'When the row was written.';

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
