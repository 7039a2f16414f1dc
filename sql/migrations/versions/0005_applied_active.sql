-- A rule paused or retired by hand stays so when its unchanged file is applied again.

ALTER TABLE rules ADD COLUMN applied_active boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN rules.applied_active IS 'What the file applied last says of `active`; only a change of it changes the state.';
