-- Cameras, files, their content (videos) and its segments.

CREATE TYPE video_state AS ENUM ('registered', 'ready', 'damaged', 'unreadable', 'missing');

CREATE TABLE cameras (
    camera_id text PRIMARY KEY CHECK (camera_id <> ''),
    name text NOT NULL,
    time_zone text NOT NULL,
    retention_days integer CHECK (retention_days > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE cameras IS 'Places that film.';
COMMENT ON COLUMN cameras.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';
COMMENT ON COLUMN cameras.name IS 'What people and files call it.';
COMMENT ON COLUMN cameras.time_zone IS 'IANA time zone; rule hours and local times are in it.';
COMMENT ON COLUMN cameras.retention_days IS 'Days that results of this camera are kept; NULL: for ever. The footage itself is never removed.';
COMMENT ON COLUMN cameras.created_at IS 'When the row was written.';

CREATE TABLE videos (
    video_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_sha256 text NOT NULL UNIQUE CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    camera_id text NOT NULL REFERENCES cameras,
    uri text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_at_source text NOT NULL,
    state video_state NOT NULL DEFAULT 'registered',
    error text,
    frame_count integer CHECK (frame_count > 0),
    duration_s double precision CHECK (duration_s >= 0),
    fps_num integer,
    fps_den integer CHECK (fps_den > 0),
    width integer,
    height integer,
    rotation smallint,
    codec text,
    damage text[] NOT NULL DEFAULT '{}',
    complete boolean,
    decoder text,
    registered_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    expired_at timestamptz,
    clock_offset interval NOT NULL DEFAULT '0',
    CHECK (state NOT IN ('ready', 'damaged') OR (frame_count IS NOT NULL AND duration_s IS NOT NULL)),
    CHECK (state <> 'unreadable' OR error IS NOT NULL)
);
CREATE INDEX videos_by_camera ON videos (camera_id, recorded_at);
CREATE INDEX videos_by_time ON videos (recorded_at);

COMMENT ON TABLE videos IS 'Stored recordings, one row per distinct content, however many names it has.';
COMMENT ON COLUMN videos.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN videos.content_sha256 IS 'SHA-256 of the file: what makes it the same content under another name.';
COMMENT ON COLUMN videos.camera_id IS 'The camera of the first name found: its mask is drawn and its recording time counts. All of them: video_cameras.';
COMMENT ON COLUMN videos.uri IS 'A name under which the content lies, relative to the archive root; all of them: video_files.';
COMMENT ON COLUMN videos.recorded_at IS 'When the first frame was recorded.';
COMMENT ON COLUMN videos.recorded_at_source IS 'Where the recording time is stated: path, sidecar, container or modified; then what was added to it, if anything.';
COMMENT ON COLUMN videos.state IS 'registered: seen, not decoded yet; ready; damaged: decoded with complaints, scored all the same; unreadable: no frame; missing: no file has this content any more.';
COMMENT ON COLUMN videos.error IS 'Why the video is unreadable.';
COMMENT ON COLUMN videos.frame_count IS 'Decoded frames, not what the header says.';
COMMENT ON COLUMN videos.duration_s IS 'From the first frame to the end of the last; for an unreadable video what its header says, if anything.';
COMMENT ON COLUMN videos.fps_num IS 'Frames per second are fps_num / fps_den.';
COMMENT ON COLUMN videos.fps_den IS 'Frames per second are fps_num / fps_den.';
COMMENT ON COLUMN videos.width IS 'Pixels, as displayed: after rotation.';
COMMENT ON COLUMN videos.height IS 'Pixels, as displayed: after rotation.';
COMMENT ON COLUMN videos.rotation IS 'Degrees clockwise by which the stored picture is turned, for people and models.';
COMMENT ON COLUMN videos.codec IS 'Of the video stream, as ffmpeg calls it.';
COMMENT ON COLUMN videos.damage IS 'What the decoder complained about.';
COMMENT ON COLUMN videos.complete IS 'false: decoding stopped before the end of the file.';
COMMENT ON COLUMN videos.decoder IS 'ffmpeg and its version.';
COMMENT ON COLUMN videos.registered_at IS 'When ingest saw the content first.';
COMMENT ON COLUMN videos.indexed_at IS 'When ingest read the frames.';
COMMENT ON COLUMN videos.expired_at IS 'When its results were removed because its camera''s retention had passed. The row stays, so that the footage is not scored again.';
COMMENT ON COLUMN videos.clock_offset IS 'What was added to the stated recording time because the camera''s clock was wrong; recorded_at contains it.';

CREATE TABLE video_files (
    uri text PRIMARY KEY,
    video_id bigint REFERENCES videos,
    camera_id text REFERENCES cameras,
    recorded_at timestamptz,
    size bigint NOT NULL,
    modified double precision NOT NULL,
    problem text,
    seen_at timestamptz NOT NULL,
    missing_since timestamptz,
    CHECK ((video_id IS NULL) = (problem IS NOT NULL))
);
CREATE INDEX video_files_by_video ON video_files (video_id);

COMMENT ON TABLE video_files IS 'Files of the archive. Two files with the same content share a video.';
COMMENT ON COLUMN video_files.uri IS 'File, relative to the archive root.';
COMMENT ON COLUMN video_files.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN video_files.camera_id IS 'Camera that this name states.';
COMMENT ON COLUMN video_files.recorded_at IS 'Recording time that this name states, without what was added to it because of a wrong clock.';
COMMENT ON COLUMN video_files.size IS 'Bytes.';
COMMENT ON COLUMN video_files.modified IS 'Time of the file''s last change, seconds since 1970.';
COMMENT ON COLUMN video_files.problem IS 'Why the file could not be registered; NULL: it was.';
COMMENT ON COLUMN video_files.seen_at IS 'When discovery saw the file last.';
COMMENT ON COLUMN video_files.missing_since IS 'When ingest first did not find the file any more.';

CREATE TABLE video_cameras (
    video_id bigint NOT NULL REFERENCES videos,
    camera_id text NOT NULL REFERENCES cameras,
    PRIMARY KEY (video_id, camera_id)
);
CREATE INDEX video_cameras_by_camera ON video_cameras (camera_id, video_id);

COMMENT ON TABLE video_cameras IS 'Cameras that a content was ever found under: one, unless its file was copied.';
COMMENT ON COLUMN video_cameras.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN video_cameras.camera_id IS 'Id of the camera, as the path or the sidecar file has it.';

CREATE TABLE segment_layouts (
    layout_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_frames integer NOT NULL CHECK (segment_frames > 0),
    step integer NOT NULL CHECK (step > 0),
    UNIQUE (segment_frames, step)
);

COMMENT ON TABLE segment_layouts IS 'Ways to split a video: segment_frames sampled frames each, every step-th frame sampled.';
COMMENT ON COLUMN segment_layouts.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN segment_layouts.segment_frames IS 'Sampled frames of a segment.';
COMMENT ON COLUMN segment_layouts.step IS 'Every step-th frame is sampled.';

CREATE TABLE segments (
    video_id bigint NOT NULL REFERENCES videos,
    layout_id smallint NOT NULL REFERENCES segment_layouts,
    segment_index integer NOT NULL CHECK (segment_index >= 0),
    first_frame integer NOT NULL CHECK (first_frame >= 0),
    last_frame integer NOT NULL,
    start_s double precision NOT NULL CHECK (start_s >= 0),
    end_s double precision NOT NULL,
    motion real,
    frame_offsets real[],
    PRIMARY KEY (video_id, layout_id, segment_index),
    CHECK (last_frame >= first_frame),
    CHECK (end_s >= start_s),
    CHECK (frame_offsets IS NULL OR array_length(frame_offsets, 1) = last_frame - first_frame + 1)
);

COMMENT ON TABLE segments IS 'Runs of frames; the segments of one layout cover every frame and second of their video once.';
COMMENT ON COLUMN segments.video_id IS 'A content, under whichever names it lies; see the table videos.';
COMMENT ON COLUMN segments.layout_id IS 'How the video was split: segment length and step.';
COMMENT ON COLUMN segments.segment_index IS 'Number of the segment in its video, from 0.';
COMMENT ON COLUMN segments.first_frame IS 'Number of the first frame in its file, from 0.';
COMMENT ON COLUMN segments.last_frame IS 'Number of the last frame, which belongs to it.';
COMMENT ON COLUMN segments.start_s IS 'Seconds from the first frame of the video.';
COMMENT ON COLUMN segments.end_s IS 'Where the next segment starts, or the video ends.';
COMMENT ON COLUMN segments.motion IS 'Mean change from frame to frame, in grey levels.';
COMMENT ON COLUMN segments.frame_offsets IS 'Time of each frame, seconds after start_s; NULL: evenly spaced to within a millisecond.';
