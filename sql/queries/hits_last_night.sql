-- What did the newest night of footage bring, highest score first?
-- :hours integer = 24  -- so long before the end of the newest footage
SELECT rule, camera, started_local, time_source, duration_s, peak_score, verdict, rationale, event_id
FROM event_list
WHERE is_current_version AND started_at > (
    SELECT max(recorded_at + make_interval(secs => coalesce(duration_s, 0))) FROM videos WHERE state <> 'missing'
) - make_interval(hours => :hours)
ORDER BY peak_score DESC, started_at;
