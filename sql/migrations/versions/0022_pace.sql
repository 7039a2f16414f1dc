-- Frames are sampled by time, and what was not recorded is no footage.

ALTER TABLE videos
    ADD COLUMN no_footage_s double precision NOT NULL DEFAULT 0 CHECK (no_footage_s >= 0),
    ADD COLUMN times_as_stated boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN videos.recorded_at IS 'When the file begins: with its first frame, unless its beginning cannot be decoded.';
COMMENT ON COLUMN videos.duration_s IS 'From the file''s beginning to the end of its last frame; for an unreadable video what its header says, if anything.';
COMMENT ON COLUMN videos.fps_num IS 'Frames per second, by the frames'' own times, are fps_num / fps_den.';
COMMENT ON COLUMN videos.fps_den IS 'Frames per second, by the frames'' own times, are fps_num / fps_den.';
COMMENT ON COLUMN videos.damage IS 'What the decoder complained about, which times were repaired, and what is missing.';
COMMENT ON COLUMN videos.complete IS 'false: the beginning or the end of what the file holds could not be decoded.';
COMMENT ON COLUMN videos.no_footage_s IS 'Of duration_s, the seconds for which there is no frame: holes in the recording and a beginning that cannot be decoded.';
COMMENT ON COLUMN videos.times_as_stated IS 'false: times were repaired, so no frame can be sought by the time that the file states.';

CREATE TABLE video_stretches (
    video_id bigint NOT NULL REFERENCES videos,
    first_frame integer NOT NULL CHECK (first_frame >= 0),
    frame_count integer NOT NULL CHECK (frame_count > 0),
    start_s double precision NOT NULL CHECK (start_s >= 0),
    end_s double precision NOT NULL,
    PRIMARY KEY (video_id, first_frame),
    CHECK (end_s >= start_s)
);
COMMENT ON TABLE video_stretches IS 'Runs of frames of about one rate. Where one does not begin at the end of the one before, nothing was recorded in between.';
COMMENT ON COLUMN video_stretches.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN video_stretches.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN video_stretches.frame_count IS 'Frames of the stretch.';
COMMENT ON COLUMN video_stretches.start_s IS 'Seconds from the file''s beginning to the first frame.';
COMMENT ON COLUMN video_stretches.end_s IS 'Seconds from the file''s beginning to the end of the last frame.';
INSERT INTO video_stretches (video_id, first_frame, frame_count, start_s, end_s)
SELECT video_id, 0, frame_count, 0, duration_s FROM videos WHERE frame_count IS NOT NULL AND duration_s IS NOT NULL;
GRANT SELECT ON video_stretches TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT ON video_stretches TO anyanomaly_writer;

-- Layouts of earlier versions keep their step; every frame sampled is what it was.
ALTER TABLE segment_layouts
    ALTER COLUMN step DROP NOT NULL,
    ADD COLUMN fps double precision CHECK (fps > 0),
    ADD COLUMN segment_s double precision CHECK (segment_s > 0),
    DROP CONSTRAINT segment_layouts_segment_frames_step_key;
UPDATE segment_layouts SET step = NULL WHERE step = 1;
ALTER TABLE segment_layouts
    ADD UNIQUE NULLS NOT DISTINCT (segment_frames, step, fps, segment_s),
    ADD CHECK (step IS NULL OR (fps IS NULL AND segment_s IS NULL));
COMMENT ON TABLE segment_layouts IS 'Ways to split a video into segments.';
COMMENT ON COLUMN segment_layouts.segment_frames IS 'Most sampled frames of a segment.';
COMMENT ON COLUMN segment_layouts.segment_s IS 'Most seconds of a segment; NULL: its frames alone count.';
COMMENT ON COLUMN segment_layouts.fps IS 'Sampled frames per second; NULL: every frame.';
COMMENT ON COLUMN segment_layouts.step IS 'Only layouts of earlier versions: every step-th frame is sampled, whatever its time.';

COMMENT ON TABLE segments IS 'Runs of frames; the segments of one layout cover every frame of their video once, and every second but those of no footage.';
COMMENT ON COLUMN segments.start_s IS 'Seconds from the file''s beginning.';
COMMENT ON COLUMN segments.end_s IS 'Where the next segment or a hole starts, or the video ends.';
