-- What did one version of a rule find that another did not?
-- :rule text = (SELECT name FROM rules ORDER BY current_version DESC, name LIMIT 1)  -- name of the rule
-- :old integer = (SELECT max(current_version) - 1 FROM rules)  -- the version compared with
-- :new integer = (SELECT max(current_version) FROM rules)  -- the version asked about
WITH old_events AS (SELECT * FROM event_list WHERE rule = :rule AND version = :old),
     new_events AS (SELECT * FROM event_list WHERE rule = :rule AND version = :new)
SELECT CASE WHEN o.event_id IS NULL THEN 'found' WHEN n.event_id IS NULL THEN 'lost' ELSE 'moved' END AS difference,
       coalesce(n.camera_name, o.camera_name) AS camera_name,
       o.started_local AS old_start, o.ended_local AS old_end, n.started_local AS new_start, n.ended_local AS new_end,
       o.peak_score AS old_peak, n.peak_score AS new_peak, coalesce(n.rationale, o.rationale) AS rationale,
       coalesce(n.time_source, o.time_source) AS time_source, coalesce(n.event_id, o.event_id) AS event_id
FROM old_events o FULL JOIN new_events n USING (event_id)
WHERE o.event_id IS NULL OR n.event_id IS NULL OR (o.started_at, o.ended_at) <> (n.started_at, n.ended_at)
ORDER BY difference, coalesce(n.started_at, o.started_at), camera_name;
