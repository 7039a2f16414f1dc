-- How good a scorer is on labelled footage, so that two can be compared; and maps from score to probability.

CREATE TABLE evaluations (
    evaluation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    archive text NOT NULL CHECK (archive <> ''),
    archive_digest text NOT NULL CHECK (archive_digest ~ '^[0-9a-f]{64}$'),
    scorer_id integer NOT NULL REFERENCES scorers,
    reading text NOT NULL DEFAULT 'as scored' CHECK (reading <> ''),
    videos integer NOT NULL CHECK (videos > 0),
    videos_without_scores integer NOT NULL CHECK (videos_without_scores >= 0),
    frames_counted bigint NOT NULL CHECK (frames_counted >= 0),
    frames_unlabelled bigint NOT NULL CHECK (frames_unlabelled >= 0),
    frames_unscored bigint NOT NULL CHECK (frames_unscored >= 0),
    frames_not_in_footage bigint NOT NULL CHECK (frames_not_in_footage >= 0),
    resamples integer NOT NULL,
    code_version text NOT NULL,
    run_id bigint REFERENCES scan_runs,
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (archive_digest, scorer_id, reading)
);

COMMENT ON TABLE evaluations IS 'A scorer judged on labelled footage. Evaluating the same scorer on the same labels again replaces the row.';
COMMENT ON COLUMN evaluations.evaluation_id IS 'Evaluation that the figure belongs to.';
COMMENT ON COLUMN evaluations.archive IS 'Folder of the labelled footage.';
COMMENT ON COLUMN evaluations.archive_digest IS 'SHA-256 over class texts, names of videos and labels: only evaluations that agree in it are comparable.';
COMMENT ON COLUMN evaluations.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN evaluations.reading IS 'as scored; or how the scorer''s answers were put together otherwise (other weights or smoothing).';
COMMENT ON COLUMN evaluations.videos IS 'How many videos.';
COMMENT ON COLUMN evaluations.videos_without_scores IS 'Videos of which no frame has a score.';
COMMENT ON COLUMN evaluations.frames_counted IS 'Frames x classes that are labelled and scored: what the figures stand on.';
COMMENT ON COLUMN evaluations.frames_unlabelled IS 'Frames x classes that nobody labelled. They are left out.';
COMMENT ON COLUMN evaluations.frames_unscored IS 'Frames x classes that are labelled but have no score. They are left out, never taken for 0.';
COMMENT ON COLUMN evaluations.frames_not_in_footage IS 'Labelled frames x classes that the decoded video does not have.';
COMMENT ON COLUMN evaluations.resamples IS 'How often the videos were drawn anew for the intervals.';
COMMENT ON COLUMN evaluations.code_version IS 'Version of this software that wrote it.';
COMMENT ON COLUMN evaluations.run_id IS 'Run in scan_runs.';
COMMENT ON COLUMN evaluations.evaluated_at IS 'When the figures were computed.';

CREATE TABLE evaluation_measures (
    evaluation_id bigint NOT NULL REFERENCES evaluations ON DELETE CASCADE,
    protocol text NOT NULL CHECK (protocol IN ('honest', 'reference')),
    class text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL CHECK (value BETWEEN 0 AND 1),
    low double precision,
    high double precision,
    videos integer NOT NULL,
    positives bigint NOT NULL,
    frames bigint NOT NULL,
    tuned text,
    PRIMARY KEY (evaluation_id, protocol, class, metric),
    CHECK ((low IS NULL) = (high IS NULL)),
    CHECK ((protocol = 'reference') = (tuned IS NOT NULL))
);

COMMENT ON TABLE evaluation_measures IS 'Figures of an evaluation. Frame level, all videos together, except roc_auc_per_video.';
COMMENT ON COLUMN evaluation_measures.evaluation_id IS 'Evaluation that the figure belongs to.';
COMMENT ON COLUMN evaluation_measures.protocol IS 'honest: nothing was chosen by looking at the labels; reference: weights and smoothing were, as in the paper.';
COMMENT ON COLUMN evaluation_measures.class IS 'A class of the labels, (any class) or (mean of classes).';
COMMENT ON COLUMN evaluation_measures.metric IS 'roc_auc and average_precision over the frames of all videos; roc_auc_per_video, the mean over videos.';
COMMENT ON COLUMN evaluation_measures.value IS 'The figure.';
COMMENT ON COLUMN evaluation_measures.low IS '95 % interval, bootstrap over videos; NULL: too few videos to say.';
COMMENT ON COLUMN evaluation_measures.high IS 'Upper end of the 95 % interval over resampled videos; NULL: too few videos.';
COMMENT ON COLUMN evaluation_measures.videos IS 'Videos that show the class; of roc_auc_per_video, those that were averaged.';
COMMENT ON COLUMN evaluation_measures.positives IS 'Frames that show the class.';
COMMENT ON COLUMN evaluation_measures.frames IS 'Frames that the figure stands on.';
COMMENT ON COLUMN evaluation_measures.tuned IS 'What the reference protocol chose.';

CREATE TABLE score_maps (
    map_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule_id integer NOT NULL REFERENCES rules,
    scorer_id integer NOT NULL REFERENCES scorers,
    method text NOT NULL CHECK (method IN ('platt', 'isotonic')),
    scores real[] NOT NULL CHECK (array_length(scores, 1) >= 2),
    probabilities real[] NOT NULL,
    confirmed integer NOT NULL,
    rejected integer NOT NULL,
    learned_at timestamptz NOT NULL DEFAULT now(),
    CHECK (array_length(scores, 1) = array_length(probabilities, 1))
);
CREATE INDEX score_maps_newest ON score_maps (rule_id, scorer_id, map_id DESC);

COMMENT ON TABLE score_maps IS 'Maps from a rule''s score to the probability that a reviewer confirms it, learned from verdicts. Used only where asked for; the newest of a rule and scorer counts.';
COMMENT ON COLUMN score_maps.map_id IS 'The map; of a rule and scorer the highest counts.';
COMMENT ON COLUMN score_maps.rule_id IS 'The rule, whatever its version.';
COMMENT ON COLUMN score_maps.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN score_maps.method IS 'platt or isotonic.';
COMMENT ON COLUMN score_maps.scores IS 'Increasing knots; straight lines between them, constant outside.';
COMMENT ON COLUMN score_maps.probabilities IS 'For each of scores, how likely an event with that peak is real.';
COMMENT ON COLUMN score_maps.confirmed IS 'Events that reviewers called real.';
COMMENT ON COLUMN score_maps.rejected IS 'Events that reviewers called false alarms.';
COMMENT ON COLUMN score_maps.learned_at IS 'When it was learned.';

CREATE FUNCTION calibrated(scores real[], probabilities real[], score real) RETURNS real
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN score IS NULL OR scores IS NULL THEN NULL
    WHEN score <= scores[1] THEN probabilities[1]
    WHEN score >= scores[array_length(scores, 1)] THEN probabilities[array_length(scores, 1)]
    ELSE (SELECT (probabilities[n - 1] + (score - scores[n - 1]) / (scores[n] - scores[n - 1])
                  * (probabilities[n] - probabilities[n - 1]))::real
          FROM generate_series(2, array_length(scores, 1)) AS n
          WHERE scores[n] >= score ORDER BY n LIMIT 1)
END;
COMMENT ON FUNCTION calibrated IS 'Probability of a score by the knots of a score map.';
