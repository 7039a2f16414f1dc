-- What a figure leaves out for want of a score stands beside it, and what it would be at worst.

DROP VIEW IF EXISTS evaluation_list;  -- its columns change places

ALTER TABLE evaluations RENAME COLUMN reading TO post_processing;
COMMENT ON COLUMN evaluations.post_processing IS 'as scored; or how the scorer''s answers were put together otherwise (other weights or smoothing).';
COMMENT ON COLUMN evaluations.code_version IS 'Version and commit of this software that computed it.';

ALTER TABLE evaluation_measures
    ADD COLUMN unscored_positives bigint NOT NULL DEFAULT 0 CHECK (unscored_positives >= 0),
    ADD COLUMN unscored_negatives bigint NOT NULL DEFAULT 0 CHECK (unscored_negatives >= 0),
    ADD COLUMN at_worst double precision CHECK (at_worst BETWEEN 0 AND 1),
    ADD COLUMN classes integer NOT NULL DEFAULT 1 CHECK (classes > 0);
COMMENT ON COLUMN evaluation_measures.positives IS 'Frames that show the class and have a score.';
COMMENT ON COLUMN evaluation_measures.unscored_positives IS 'Frames that show the class and have no score: the figure knows nothing of them.';
COMMENT ON COLUMN evaluation_measures.unscored_negatives IS 'Frames that do not show the class and have no score.';
COMMENT ON COLUMN evaluation_measures.at_worst IS 'The figure if every frame without a score had been ranked as wrongly as possible; NULL: all have one, or it was not computed.';
COMMENT ON COLUMN evaluation_measures.classes IS 'Of (mean of classes): how many it is the mean of.';
COMMENT ON COLUMN evaluation_measures.low IS '95 % interval, bootstrap over videos; NULL: fewer than three videos show the class, or fewer than three have frames without it.';
COMMENT ON COLUMN evaluation_measures.high IS 'Upper end of the 95 % interval over resampled videos; NULL: too few videos.';
