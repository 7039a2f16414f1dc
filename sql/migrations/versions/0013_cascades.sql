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

CREATE VIEW cascade_units AS
SELECT r.name AS rule, rv.version, rv.version = r.current_version AS is_current_version, v.camera_id AS camera,
       v.video_id, v.uri, v.recorded_at, s.profile_name AS profile, k.judged_by_rank, k.judged_for_motion,
       u.segments_pruned AS pruned,
       u.segments_pruned + cardinality(k.audited_segments) + k.carried_from_audit AS left_to_chance,
       cardinality(k.audited_segments) AS audited,
       (SELECT count(*)::integer FROM unnest(k.audited_scores) AS a(score) WHERE a.score IS NULL) AS audited_failed,
       (SELECT count(*)::integer FROM unnest(k.audited_scores) AS a(score) WHERE a.score >= rv.threshold) AS audited_hits,
       u.run_id, u.scorer_id, rv.rule_version_id
FROM unit_cascades k
JOIN units u USING (video_id, scoring_id, scorer_id)
JOIN rule_versions rv USING (scoring_id)
JOIN rules r ON r.rule_id = rv.rule_id
JOIN videos v ON v.video_id = u.video_id
JOIN scorers s ON s.scorer_id = u.scorer_id
WHERE u.is_current AND EXISTS (
    SELECT FROM video_cameras p WHERE p.video_id = u.video_id AND glob_matches(p.camera_id, rv.cameras));
COMMENT ON VIEW cascade_units IS 'One row per video and rule version whose shown scores come from a cascade: what was judged and why, what was left out, what the audit found.';
COMMENT ON COLUMN cascade_units.camera IS 'Id of the video''s first camera.';
COMMENT ON COLUMN cascade_units.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';
COMMENT ON COLUMN cascade_units.judged_for_motion IS 'Of the others: judged because they move strangely.';
COMMENT ON COLUMN cascade_units.pruned IS 'Segments that nobody judged. They have no score, not a score of 0.';
COMMENT ON COLUMN cascade_units.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';
COMMENT ON COLUMN cascade_units.audited IS 'Of these: drawn at random, each with the same probability, and judged.';
COMMENT ON COLUMN cascade_units.audited_failed IS 'Audited segments that could not be judged.';
COMMENT ON COLUMN cascade_units.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold: the cascade would have missed them.';
COMMENT ON COLUMN cascade_units.run_id IS 'Run in scan_runs that wrote the scores.';

CREATE VIEW cascade_bounds AS
SELECT c.rule, c.version, c.is_current_version, c.profile, c.scorer_id, c.videos, c.judged_by_rank, c.judged_for_motion,
       c.pruned, c.left_to_chance, c.audited, c.audited_failed, c.audited_hits, b.share AS missed_share_bound,
       greatest(0, least(c.pruned, floor(b.share * c.left_to_chance + 1e-9)::bigint - c.audited_hits - c.audited_failed))
           AS missed_segments_bound,
       c.rule_version_id
FROM (
    SELECT rule, version, is_current_version, profile, scorer_id, rule_version_id, count(*) AS videos,
           sum(judged_by_rank) AS judged_by_rank, sum(judged_for_motion) AS judged_for_motion, sum(pruned) AS pruned,
           sum(left_to_chance) AS left_to_chance, sum(audited) AS audited, sum(audited_failed) AS audited_failed,
           sum(audited_hits) AS audited_hits
    FROM cascade_units
    GROUP BY rule, version, is_current_version, profile, scorer_id, rule_version_id
) AS c
CROSS JOIN LATERAL (SELECT clopper_pearson_upper(c.audited_hits + c.audited_failed, c.audited) AS share) AS b;
COMMENT ON VIEW cascade_bounds IS 'One row per rule version and scorer with a cascade: how much was left out, and at most how much of it can have been missed (95 %, exact binomial).';
COMMENT ON COLUMN cascade_bounds.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold.';
COMMENT ON COLUMN cascade_bounds.missed_share_bound IS 'With 95 % confidence, at most this share of left_to_chance reaches the threshold. A failed audit counts as a hit; 1 where nothing was audited.';
COMMENT ON COLUMN cascade_bounds.missed_segments_bound IS 'With 95 % confidence, at most so many of the pruned segments would have reached the threshold.';
COMMENT ON COLUMN cascade_bounds.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';

GRANT SELECT ON unit_cascades, cascade_units, cascade_bounds TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT, UPDATE, DELETE ON unit_cascades TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION clopper_pearson_upper(bigint, bigint, double precision)
    TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
