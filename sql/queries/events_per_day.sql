-- How many events does each rule bring per day, and is it getting more?
-- :from timestamptz = '-infinity'  -- events from here on
SELECT started_local::date AS local_day, rule, count(*) AS events,
       sum(count(*)) OVER (PARTITION BY rule ORDER BY started_local::date ROWS 6 PRECEDING) AS events_of_the_last_7_days_with_any
FROM event_list
WHERE is_current_version AND started_at >= :from
GROUP BY local_day, rule
ORDER BY local_day, rule;
