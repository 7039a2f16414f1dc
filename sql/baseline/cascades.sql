-- What a cascade left out, and how much of it can have mattered.

CREATE TABLE unit_cascades (
    video_id bigint NOT NULL,
    scoring_id integer NOT NULL,
    scorer_id integer NOT NULL,
    judged_by_rank integer NOT NULL CHECK (judged_by_rank >= 0),
    judged_for_motion integer NOT NULL CHECK (judged_for_motion >= 0),
    carried_from_audit integer NOT NULL CHECK (carried_from_audit >= 0),
    audited_segments integer[] NOT NULL,
    audited_scores real[] NOT NULL,
    PRIMARY KEY (video_id, scoring_id, scorer_id),
    FOREIGN KEY (video_id, scoring_id, scorer_id) REFERENCES units ON DELETE CASCADE,
    CHECK (cardinality(audited_segments) = cardinality(audited_scores))
);

COMMENT ON TABLE unit_cascades IS 'How a cascade chose the segments of a unit; one row for each row of units whose scorer has a cascade.';
COMMENT ON COLUMN unit_cascades.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN unit_cascades.scoring_id IS 'What the models are asked. Versions of rules that ask the same share it.';
COMMENT ON COLUMN unit_cascades.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN unit_cascades.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';
COMMENT ON COLUMN unit_cascades.judged_for_motion IS 'Of the others: judged because they move strangely.';
COMMENT ON COLUMN unit_cascades.carried_from_audit IS 'Static segments that took over the score of an audited one.';
COMMENT ON COLUMN unit_cascades.audited_segments IS 'Indices of the segments drawn at random from the rest, and judged.';
COMMENT ON COLUMN unit_cascades.audited_scores IS 'Their fused scores before smoothing, in the same order; NULL: judging failed.';

CREATE FUNCTION clopper_pearson_upper(hits bigint, drawn bigint, confidence double precision DEFAULT 0.95)
    RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    low double precision := 0;
    high double precision := 1;
    share double precision;
    term double precision;
    tail double precision;
BEGIN
    IF hits < 0 OR hits > drawn OR confidence <= 0 OR confidence >= 1 THEN
        RAISE EXCEPTION 'no bound for % hits of % at %', hits, drawn, confidence USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF hits = drawn THEN
        RETURN 1;
    END IF;
    -- The share at which so few hits would have been drawn with probability 1 - confidence, by halving.
    FOR step IN 1..60 LOOP
        share := (low + high) / 2;
        term := drawn * ln(1 - share);  -- logarithm of the probability of no hit, then of one more
        tail := CASE WHEN term > -700 THEN exp(term) ELSE 0 END;
        FOR hit IN 1..hits LOOP
            term := term + ln((drawn - hit + 1)::double precision / hit) + ln(share) - ln(1 - share);
            tail := tail + CASE WHEN term > -700 THEN exp(term) ELSE 0 END;
        END LOOP;
        IF tail > 1 - confidence THEN
            low := share;
        ELSE
            high := share;
        END IF;
        EXIT WHEN high - low < 1e-12;
    END LOOP;
    RETURN high;
END $$;
COMMENT ON FUNCTION clopper_pearson_upper IS 'Exact upper bound (binomial, one-sided) on a share of which a random sample of so many drew so many hits; 1 where nothing was drawn.';
