-- Which of two scorers finds each class better on the same labelled footage?
-- :first integer = (SELECT scorer_id FROM evaluation_list GROUP BY scorer_id ORDER BY max(evaluated_at), scorer_id LIMIT 1)  -- scorer
-- :second integer = (SELECT scorer_id FROM evaluation_list GROUP BY scorer_id ORDER BY max(evaluated_at) DESC, scorer_id DESC LIMIT 1)  -- the other one
SELECT a.archive, a.class, a.metric, a.profile AS first_profile, b.profile AS second_profile, round(a.value::numeric, 4) AS first,
       round(b.value::numeric, 4) AS second, round((b.value - a.value)::numeric, 4) AS gain,
       a.low > b.high OR b.low > a.high AS intervals_apart, a.unscored_positives AS first_unscored_positives,
       b.unscored_positives AS second_unscored_positives
FROM evaluation_list a
JOIN evaluation_list b USING (archive_digest, protocol, class, metric, post_processing)
WHERE a.scorer_id = :first AND b.scorer_id = :second AND a.post_processing = 'as scored' AND protocol = 'honest'
ORDER BY a.archive, gain, a.class, a.metric;
