ALTER TABLE videos ADD COLUMN replaced_by bigint REFERENCES videos CHECK (replaced_by <> video_id);
CREATE INDEX videos_replaced ON videos (replaced_by) WHERE replaced_by IS NOT NULL;
COMMENT ON COLUMN videos.replaced_by IS 'The content that its last file holds now: the recording went on, was repaired or exported again. Its scores and verdicts stay as history.';

ALTER TABLE verdicts ADD COLUMN carried_from bigint REFERENCES verdicts;
CREATE UNIQUE INDEX verdicts_carried_once ON verdicts (carried_from, event_id) WHERE carried_from IS NOT NULL;
COMMENT ON COLUMN verdicts.carried_from IS 'The verdict on the same event in the content that was replaced; NULL: given on this event.';

-- The tasks call it when they have committed the new content: they may say nothing about verdicts themselves.
CREATE FUNCTION take_over_results(replacing bigint, wanted_scoring integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('anyanomaly video ' || v.video_id, 0))
        FROM (SELECT video_id FROM videos WHERE replaced_by = replacing ORDER BY video_id) v;
    -- Each verdict goes to the event of the same rule version and camera that shares most time with its own.
    INSERT INTO verdicts (event_id, rule_version_id, verdict, reviewer, note, created_at, carried_from)
    SELECT best.event_id, old.rule_version_id, d.verdict, d.reviewer, d.note, d.created_at, d.verdict_id
    FROM videos v
    JOIN events old ON old.video_id = v.video_id
    JOIN rule_versions rv ON rv.rule_version_id = old.rule_version_id AND rv.scoring_id = wanted_scoring
    JOIN verdicts d ON d.event_id = old.event_id AND d.withdraws IS NULL
    CROSS JOIN LATERAL (
        SELECT e.event_id FROM events e
        WHERE e.video_id = replacing AND e.rule_version_id = old.rule_version_id AND e.camera_id = old.camera_id
          AND e.started_at < old.ended_at AND e.ended_at > old.started_at
        ORDER BY least(e.ended_at, old.ended_at) - greatest(e.started_at, old.started_at) DESC, e.started_at LIMIT 1
    ) best
    WHERE v.replaced_by = replacing AND best.event_id <> old.event_id
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS moved = ROW_COUNT;
    -- What lies outside the new content, because the file was cut, stays: nobody will find it again.
    DELETE FROM events e USING videos v, videos n, rule_versions rv
    WHERE v.replaced_by = replacing AND e.video_id = v.video_id AND n.video_id = replacing
      AND e.started_at < n.recorded_at + make_interval(secs => n.duration_s) AND e.ended_at > n.recorded_at
      AND rv.rule_version_id = e.rule_version_id AND rv.scoring_id = wanted_scoring
      AND NOT EXISTS (SELECT FROM legal_holds h WHERE h.event_id = e.event_id AND h.released_at IS NULL);
    UPDATE units u SET is_current = false FROM videos v
    WHERE v.replaced_by = replacing AND u.video_id = v.video_id AND u.scoring_id = wanted_scoring AND u.is_current;
    RETURN moved;
END $$;
COMMENT ON FUNCTION take_over_results IS 'After a content was scored that replaces another: carries verdicts over, removes the other''s events but those under legal hold, and makes its scores history. Returns the verdicts carried.';
REVOKE ALL ON FUNCTION take_over_results(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_over_results(bigint, integer) TO anyanomaly_writer;
