-- The tasks derive what is left of an event over several files before one of them expires or is taken over.

-- As before, and a verdict may go to the content that replaces one of the event's files.
CREATE OR REPLACE FUNCTION carry_verdicts(version integer, gone uuid[], new uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note, created_at, carried_from)
    SELECT best.event_id, old.rule_version_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id
    FROM events old
    JOIN verdicts d ON d.event_id = old.event_id AND d.withdraws IS NULL
    CROSS JOIN LATERAL (
        SELECT e.event_id FROM events e
        WHERE (e.event_id = ANY(new)
               OR e.video_id IN (SELECT v.replaced_by FROM event_parts p JOIN videos v USING (video_id)
                                 WHERE (p.event_id, p.rule_version_id) = (old.event_id, old.rule_version_id)))
          AND e.rule_version_id = version AND e.camera_id = old.camera_id
          AND e.started_at < old.ended_at AND e.ended_at > old.started_at
        ORDER BY least(e.ended_at, old.ended_at) - greatest(e.started_at, old.started_at) DESC, e.started_at LIMIT 1
    ) best
    WHERE old.event_id = ANY(gone) AND old.rule_version_id = version AND best.event_id <> old.event_id
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ON CONFLICT DO NOTHING
$$;

CREATE OR REPLACE FUNCTION expire_video(wanted bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone uuid[];
    going bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || wanted, 0));
    IF NOT EXISTS (SELECT FROM retention_due d WHERE d.video_id = wanted AND NOT d.held) THEN
        RETURN false;
    END IF;
    SELECT array_agg(event_id) INTO gone FROM (
        SELECT event_id FROM events WHERE video_id = wanted UNION SELECT event_id FROM event_parts WHERE video_id = wanted
    ) AS its;
    DELETE FROM events WHERE event_id = ANY(gone);
    -- Verdicts go, with those whose event is no more that they were carried from. What other verdicts were carried from
    -- stays until these go.
    WITH RECURSIVE said AS (
        SELECT verdict_id, event_id, carried_from FROM verdicts WHERE event_id = ANY(gone)
        UNION
        SELECT o.verdict_id, o.event_id, o.carried_from FROM said s JOIN verdicts o ON o.verdict_id = s.carried_from
        WHERE NOT EXISTS (SELECT FROM events e WHERE e.event_id = o.event_id)
    ), needed AS (
        SELECT o.verdict_id, o.carried_from FROM verdicts n JOIN said o ON o.verdict_id = n.carried_from
        WHERE n.verdict_id NOT IN (SELECT verdict_id FROM said)
        UNION
        SELECT o.verdict_id, o.carried_from FROM needed n JOIN said o ON o.verdict_id = n.carried_from
    )
    SELECT array_agg(verdict_id) INTO going FROM verdicts
    WHERE (verdict_id IN (SELECT verdict_id FROM said) OR withdraws IN (SELECT verdict_id FROM said))
      AND verdict_id NOT IN (SELECT verdict_id FROM needed)
      AND (withdraws IS NULL OR withdraws NOT IN (SELECT verdict_id FROM needed));
    DELETE FROM verdicts WHERE verdict_id = ANY(going);
    DELETE FROM units WHERE video_id = wanted;
    DELETE FROM segments WHERE video_id = wanted;
    UPDATE videos SET expired_at = now() WHERE video_id = wanted;
    RETURN true;
END $$;
