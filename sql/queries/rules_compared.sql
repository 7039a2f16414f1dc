-- Which rules find the same footage, so that one of them may be superfluous?
SELECT a.rule AS rule, b.rule AS other, count(DISTINCT a.event_id) AS events_that_overlap,
       round(count(DISTINCT a.event_id)::numeric / max(total.events), 3) AS share_of_rule
FROM event_list a
JOIN event_list b ON a.video_id = b.video_id AND a.rule <> b.rule AND a.first_frame <= b.last_frame AND b.first_frame <= a.last_frame
JOIN (SELECT rule, count(*) AS events FROM event_list WHERE is_current_version GROUP BY rule) AS total ON total.rule = a.rule
WHERE a.is_current_version AND b.is_current_version
GROUP BY a.rule, b.rule
ORDER BY share_of_rule DESC, rule, other;
