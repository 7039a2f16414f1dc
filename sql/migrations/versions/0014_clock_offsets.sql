-- Camera clocks that were wrong: what was added to the stated recording time.

ALTER TABLE videos ADD COLUMN clock_offset interval NOT NULL DEFAULT '0';
COMMENT ON COLUMN videos.clock_offset IS 'What was added to the stated recording time because the camera''s clock was wrong; recorded_at contains it.';
COMMENT ON COLUMN videos.recorded_at_source IS 'Where the recording time is stated: path, sidecar, container or modified; then what was added to it, if anything.';
COMMENT ON COLUMN video_files.recorded_at IS 'Recording time that this name states, without what was added to it because of a wrong clock.';
