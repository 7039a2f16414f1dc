-- Certificates of backfills that stopped once a stated share was found, with a stated confidence.

CREATE TABLE certificates (
    certificate_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_version_id integer NOT NULL REFERENCES rule_versions,
    scorer_id integer NOT NULL REFERENCES scorers,
    encoder_id integer NOT NULL REFERENCES encoders,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'judged', 'finished', 'abandoned')),
    level text NOT NULL CHECK (level IN ('segments', 'events')),
    recall double precision NOT NULL CHECK (recall > 0 AND recall < 1),
    confidence double precision NOT NULL CHECK (confidence > 0 AND confidence < 1),
    least_segments integer NOT NULL CHECK (least_segments > 0),
    budget integer CHECK (budget > 0),
    selection jsonb NOT NULL,
    seed bigint NOT NULL,
    segments integer NOT NULL CHECK (segments > 0),
    ranking bytea NOT NULL,
    reached boolean,
    document jsonb,
    run_id bigint REFERENCES scan_runs,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK (state NOT IN ('judged', 'finished') OR (reached IS NOT NULL AND document IS NOT NULL))
);
COMMENT ON TABLE certificates IS 'Backfills that judge until a stated share is found: what they promise, of which footage, by which models.';
COMMENT ON COLUMN certificates.certificate_id IS 'The certificate; units.certificate_id names what was left out under it.';
COMMENT ON COLUMN certificates.rule_version_id IS 'The rule version that was looked for.';
COMMENT ON COLUMN certificates.scorer_id IS 'Models and parameters that judged; the promise is about what they would find.';
COMMENT ON COLUMN certificates.encoder_id IS 'The encoder that ordered the segments. The promise does not rest on it.';
COMMENT ON COLUMN certificates.state IS 'running; judged (it holds, scores are being written); finished; abandoned (its footage changed meanwhile, another began).';
COMMENT ON COLUMN certificates.level IS 'What is counted: segments that reach the threshold, or events, runs of such segments.';
COMMENT ON COLUMN certificates.recall IS 'Share of these that is to be found.';
COMMENT ON COLUMN certificates.confidence IS 'Probability, over the draws, with which the promise holds.';
COMMENT ON COLUMN certificates.least_segments IS 'The promise says nothing of events of fewer segments.';
COMMENT ON COLUMN certificates.budget IS 'Segments after which it stops, promised or not; NULL: none.';
COMMENT ON COLUMN certificates.selection IS 'Cameras and days that were asked for.';
COMMENT ON COLUMN certificates.seed IS 'Of the draws: numpy.random.default_rng(seed).permutation of the segments that the order left, ascending.';
COMMENT ON COLUMN certificates.segments IS 'Segments of its footage; numbered from 0 through certificate_videos.';
COMMENT ON COLUMN certificates.ranking IS 'Numbers of all segments in the encoder''s order, each of four bytes, big-endian.';
COMMENT ON COLUMN certificates.reached IS 'Whether the target was reached.';
COMMENT ON COLUMN certificates.document IS 'What may be relied on, as JSON.';
COMMENT ON COLUMN certificates.run_id IS 'Run that began it.';
COMMENT ON COLUMN certificates.started_at IS 'When it began.';
COMMENT ON COLUMN certificates.finished_at IS 'When the last scores were written.';

CREATE TABLE certificate_videos (
    certificate_id bigint NOT NULL REFERENCES certificates,
    first_segment integer NOT NULL,
    video_id bigint NOT NULL REFERENCES videos,
    segments integer NOT NULL CHECK (segments > 0),
    PRIMARY KEY (certificate_id, first_segment)
);
CREATE INDEX certificate_videos_by_video ON certificate_videos (video_id);
COMMENT ON TABLE certificate_videos IS 'The footage that a certificate is about.';
COMMENT ON COLUMN certificate_videos.certificate_id IS 'The certificate.';
COMMENT ON COLUMN certificate_videos.first_segment IS 'Number, within the certificate, of the first segment of the video.';
COMMENT ON COLUMN certificate_videos.video_id IS 'The video.';
COMMENT ON COLUMN certificate_videos.segments IS 'How many segments it has.';

CREATE TABLE certificate_judgements (
    certificate_id bigint NOT NULL REFERENCES certificates,
    number integer NOT NULL,
    segment integer NOT NULL,
    why text NOT NULL CHECK (why IN ('order', 'draw', 'follow')),
    found boolean NOT NULL,
    PRIMARY KEY (certificate_id, number)
);
COMMENT ON TABLE certificate_judgements IS 'Every judgement that a certificate rests on, in order: it can be computed again from these.';
COMMENT ON COLUMN certificate_judgements.certificate_id IS 'The certificate.';
COMMENT ON COLUMN certificate_judgements.number IS 'Place in the order, from 0.';
COMMENT ON COLUMN certificate_judgements.segment IS 'Number of the segment within the certificate.';
COMMENT ON COLUMN certificate_judgements.why IS 'order (the encoder''s), draw (at random from the rest), follow (beside one that was found).';
COMMENT ON COLUMN certificate_judgements.found IS 'Whether its score reaches the rule''s threshold.';

CREATE TABLE certificate_answers (
    certificate_id bigint NOT NULL REFERENCES certificates,
    segment integer NOT NULL,
    score text NOT NULL,
    PRIMARY KEY (certificate_id, segment)
);
COMMENT ON TABLE certificate_answers IS 'Journal of a certificate that is not finished: answers that a killed run does not ask for again.';
COMMENT ON COLUMN certificate_answers.certificate_id IS 'The certificate.';
COMMENT ON COLUMN certificate_answers.segment IS 'Number of the segment within the certificate.';
COMMENT ON COLUMN certificate_answers.score IS 'The outcome, as a line of a journal.';

ALTER TABLE units ADD COLUMN certificate_id bigint REFERENCES certificates;
COMMENT ON COLUMN units.certificate_id IS 'Certificate under which pruned segments were left out; NULL: none.';
CREATE INDEX units_by_certificate ON units (certificate_id) WHERE certificate_id IS NOT NULL;

GRANT SELECT ON certificates, certificate_videos, certificate_judgements
    TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT, UPDATE ON certificates TO anyanomaly_writer;
GRANT INSERT ON certificate_videos, certificate_judgements TO anyanomaly_writer;
GRANT SELECT, INSERT, DELETE ON certificate_answers TO anyanomaly_writer;
