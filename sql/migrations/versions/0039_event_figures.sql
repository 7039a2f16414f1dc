-- Figures of events: false alarms a camera-day and delays are no shares.

ALTER TABLE evaluation_measures DROP CONSTRAINT evaluation_measures_value_check, ADD CHECK (value >= 0);
COMMENT ON TABLE evaluation_measures IS 'Figures of an evaluation: of frames and of events, all videos together, except roc_auc_per_video.';
COMMENT ON COLUMN evaluation_measures.metric IS 'roc_auc and average_precision over the frames of all videos; roc_auc_per_video, the mean over videos; event_precision_, event_recall_ and event_f1_ at a temporal overlap of 0.1, 0.3 or 0.5; false_alarms_per_camera_day; delay_s, from the beginning of an event to that of its first report.';
