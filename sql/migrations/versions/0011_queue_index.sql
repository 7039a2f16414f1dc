-- The review queue shows the highest scores first, some at a time: without sorting all of them for every page.

CREATE INDEX events_by_peak ON events (peak_score DESC, event_id DESC);
