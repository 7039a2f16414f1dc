-- Deriving a new version's events takes a while and may be interrupted; this remembers that it is still to do.

ALTER TABLE rules ADD COLUMN events_version integer;
UPDATE rules SET events_version = current_version;
COMMENT ON COLUMN rules.events_version IS 'Version whose events have been derived from all scores there are; behind current_version: still to do.';
