-- Least privilege: what each group role may do. The roles themselves belong to the server (results/roles.py).
-- Rights on a view stand in its own file.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON FUNCTION
    ensure_score_partition(timestamptz), videos_in_partition(text), expire_video(bigint), drop_expired_partition(text)
    FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT EXECUTE ON FUNCTION
    calibrated(real[], real[], real), clopper_pearson_upper(bigint, bigint, double precision)
    TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;

-- The tasks register, score and derive. They cannot rewrite a rule version, nor say anything about verdicts; they neither
-- hold, release nor say how long results are kept.
GRANT INSERT (camera_id, name, time_zone), UPDATE (name, time_zone) ON cameras TO anyanomaly_writer;
GRANT INSERT, UPDATE ON videos, video_files, rules, scorers, scan_runs, units TO anyanomaly_writer;
GRANT INSERT ON video_cameras, segment_layouts, segments, scorings, rule_versions, score_maps TO anyanomaly_writer;
GRANT INSERT, DELETE ON segment_scores, events, evaluations, evaluation_measures TO anyanomaly_writer;
GRANT INSERT, UPDATE, DELETE ON unit_cascades TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION
    ensure_score_partition(timestamptz), videos_in_partition(text), expire_video(bigint), drop_expired_partition(text)
    TO anyanomaly_writer;

-- Reviewers add verdicts, and never take one back; they hold, and only the owner releases.
GRANT INSERT ON verdicts TO anyanomaly_reviewer;
GRANT INSERT (event_id, reason, held_by) ON legal_holds TO anyanomaly_reviewer;
