-- Least privilege: what each group role may do. The roles themselves belong to the server (results/roles.py).

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON FUNCTION ensure_score_partition(timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;

-- The tasks register, score and derive. They cannot rewrite a rule version, nor say anything about verdicts.
GRANT INSERT, UPDATE ON cameras, videos, video_files, rules, scorers, scan_runs, units TO anyanomaly_writer;
GRANT INSERT ON segment_layouts, segments, scorings, rule_versions TO anyanomaly_writer;
GRANT INSERT, DELETE ON segment_scores, events TO anyanomaly_writer;
GRANT EXECUTE ON FUNCTION ensure_score_partition(timestamptz) TO anyanomaly_writer;

-- Reviewers add verdicts, and never take one back.
GRANT INSERT ON verdicts TO anyanomaly_reviewer;
