CREATE OR REPLACE VIEW cascade_bounds AS
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
COMMENT ON COLUMN cascade_bounds.rule IS 'Name of the rule.';
COMMENT ON COLUMN cascade_bounds.version IS 'Number of the rule''s version, from 1.';
COMMENT ON COLUMN cascade_bounds.is_current_version IS 'Filter on this unless you compare versions.';
COMMENT ON COLUMN cascade_bounds.profile IS 'Models and parameters that scored it.';
COMMENT ON COLUMN cascade_bounds.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN cascade_bounds.videos IS 'How many videos.';
COMMENT ON COLUMN cascade_bounds.judged_by_rank IS 'Segments judged because the encoder ranks them high enough for the rule.';
COMMENT ON COLUMN cascade_bounds.judged_for_motion IS 'Of the others: judged because they move strangely.';
COMMENT ON COLUMN cascade_bounds.pruned IS 'Segments that nobody judged. They have no score, not a score of 0.';
COMMENT ON COLUMN cascade_bounds.left_to_chance IS 'Segments that neither rank nor motion chose: pruned, audited, or carried from an audited one.';
COMMENT ON COLUMN cascade_bounds.audited IS 'Segments drawn at random from what was left to chance, and judged.';
COMMENT ON COLUMN cascade_bounds.audited_failed IS 'Audited segments that could not be judged.';
COMMENT ON COLUMN cascade_bounds.audited_hits IS 'Audited segments whose own score reaches the rule''s threshold.';
COMMENT ON COLUMN cascade_bounds.missed_share_bound IS 'With 95 % confidence, at most this share of left_to_chance reaches the threshold. A failed audit counts as a hit; 1 where nothing was audited.';
COMMENT ON COLUMN cascade_bounds.missed_segments_bound IS 'With 95 % confidence, at most so many of the pruned segments would have reached the threshold.';
COMMENT ON COLUMN cascade_bounds.rule_version_id IS 'Version of a rule; rule and version name the same.';

GRANT SELECT ON cascade_bounds TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
