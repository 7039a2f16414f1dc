-- Which tasks of scans and backfills failed, and why?
-- :since timestamptz = '-infinity'  -- runs that began from here on
SELECT s.started_at, s.run_id, s.kind, s.external_id AS airflow_run, failed.key AS task, failed.value AS reason
FROM scan_runs s
CROSS JOIN LATERAL jsonb_each_text(s.summary -> 'failures') AS failed
WHERE s.started_at >= :since
ORDER BY s.started_at DESC, task;
