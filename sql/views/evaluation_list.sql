CREATE OR REPLACE VIEW evaluation_list AS
SELECT e.evaluation_id, e.archive, e.archive_digest, e.scorer_id, s.profile_name AS profile, e.post_processing, m.protocol, m.class,
       m.metric, m.value, m.low, m.high, m.unscored_positives, m.unscored_negatives, m.at_worst, m.videos, m.positives, m.frames,
       m.classes, m.tuned, e.code_version, e.evaluated_at
FROM evaluations e
JOIN scorers s USING (scorer_id)
JOIN evaluation_measures m USING (evaluation_id);

COMMENT ON VIEW evaluation_list IS 'Every figure with the archive and the scorer that it is about.';
COMMENT ON COLUMN evaluation_list.evaluation_id IS 'Evaluation that the figure belongs to.';
COMMENT ON COLUMN evaluation_list.archive IS 'Folder of the labelled footage.';
COMMENT ON COLUMN evaluation_list.archive_digest IS 'SHA-256 over class texts, names of videos and labels: only evaluations that agree in it are comparable.';
COMMENT ON COLUMN evaluation_list.scorer_id IS 'Models and parameters; see the table scorers.';
COMMENT ON COLUMN evaluation_list.profile IS 'Models and parameters that scored it.';
COMMENT ON COLUMN evaluation_list.post_processing IS 'as scored; or how the scorer''s answers were put together otherwise (other weights or smoothing).';
COMMENT ON COLUMN evaluation_list.protocol IS 'honest, or reference (tuned on the test labels, as the paper''s code does).';
COMMENT ON COLUMN evaluation_list.class IS 'A class of the labels, (any class) or (mean of classes).';
COMMENT ON COLUMN evaluation_list.metric IS 'roc_auc and average_precision over the frames of all videos; roc_auc_per_video, the mean over videos; event_precision_, event_recall_ and event_f1_ at a temporal overlap of 0.1, 0.3 or 0.5; false_alarms_per_camera_day; delay_s, from the beginning of an event to that of its first report.';
COMMENT ON COLUMN evaluation_list.value IS 'The figure.';
COMMENT ON COLUMN evaluation_list.low IS 'Lower end of the 95 % interval over resampled videos; NULL: too few videos.';
COMMENT ON COLUMN evaluation_list.high IS 'Upper end of the 95 % interval over resampled videos; NULL: too few videos.';
COMMENT ON COLUMN evaluation_list.unscored_positives IS 'Frames that show the class and have no score: the figure knows nothing of them.';
COMMENT ON COLUMN evaluation_list.unscored_negatives IS 'Frames that do not show the class and have no score.';
COMMENT ON COLUMN evaluation_list.at_worst IS 'The figure if every frame without a score had been ranked as wrongly as possible; NULL: all have one, or it was not computed.';
COMMENT ON COLUMN evaluation_list.videos IS 'Videos that show the class; of roc_auc_per_video, those that were averaged.';
COMMENT ON COLUMN evaluation_list.positives IS 'Frames that show the class and have a score.';
COMMENT ON COLUMN evaluation_list.frames IS 'Frames that the figure stands on.';
COMMENT ON COLUMN evaluation_list.tuned IS 'What the protocol chose on the labels; NULL: nothing.';
COMMENT ON COLUMN evaluation_list.classes IS 'Of (mean of classes): how many it is the mean of.';
COMMENT ON COLUMN evaluation_list.code_version IS 'Version and commit of this software that computed it.';
COMMENT ON COLUMN evaluation_list.evaluated_at IS 'When the figures were computed.';

GRANT SELECT ON evaluation_list TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
