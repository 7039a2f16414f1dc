-- How many of a rule's events were real, as far as reviewers looked?
SELECT rule, version, count(*) AS events, count(verdict) AS reviewed,
       count(*) FILTER (WHERE verdict = 'real') AS real,
       count(*) FILTER (WHERE verdict = 'false_alarm') AS false_alarms,
       count(*) FILTER (WHERE verdict = 'unsure') AS unsure,
       round(count(*) FILTER (WHERE verdict = 'real')::numeric
             / nullif(count(*) FILTER (WHERE verdict IN ('real', 'false_alarm')), 0), 3) AS precision
FROM event_list
GROUP BY rule, version
ORDER BY rule, version;
