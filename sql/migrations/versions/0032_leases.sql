-- One worker at a time on a video with a scorer, whichever host it runs on; and a journal that every host finds.

CREATE TABLE unit_leases (
    video_id bigint NOT NULL REFERENCES videos,
    scorer_id integer NOT NULL REFERENCES scorers,
    token uuid NOT NULL,
    holder text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    renewed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, scorer_id)
);
COMMENT ON TABLE unit_leases IS 'Who scores a video with a scorer now. The holder renews it; one that was not renewed for ANYANOMALY_LEASE_S may be taken by another worker, and then nothing of the first is committed.';
COMMENT ON COLUMN unit_leases.video_id IS 'The video.';
COMMENT ON COLUMN unit_leases.scorer_id IS 'The scorer.';
COMMENT ON COLUMN unit_leases.token IS 'Of this attempt; the commit asks for it under the video''s lock.';
COMMENT ON COLUMN unit_leases.holder IS 'Host and process, for people.';
COMMENT ON COLUMN unit_leases.taken_at IS 'Since when this attempt has it.';
COMMENT ON COLUMN unit_leases.renewed_at IS 'When its holder was last heard of, by the clock of PostgreSQL.';

CREATE TABLE unit_journal (
    batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_id bigint NOT NULL REFERENCES videos,
    scorer_id integer NOT NULL REFERENCES scorers,
    mask_digest text,
    scores text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX unit_journal_unit ON unit_journal (video_id, scorer_id);
COMMENT ON TABLE unit_journal IS 'Scores that are finished and not committed yet, with ANYANOMALY_JOURNAL=database: whichever worker goes on with a video takes them over.';
COMMENT ON COLUMN unit_journal.batch_id IS 'In the order of writing.';
COMMENT ON COLUMN unit_journal.video_id IS 'The video.';
COMMENT ON COLUMN unit_journal.scorer_id IS 'The scorer.';
COMMENT ON COLUMN unit_journal.mask_digest IS 'The privacy mask that the models saw it through; NULL: none.';
COMMENT ON COLUMN unit_journal.scores IS 'Segment scores of one batch, as JSON.';
COMMENT ON COLUMN unit_journal.written_at IS 'When they were finished.';

GRANT SELECT ON unit_leases, unit_journal TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT, UPDATE, DELETE ON unit_leases TO anyanomaly_writer;
GRANT INSERT, DELETE ON unit_journal TO anyanomaly_writer;
