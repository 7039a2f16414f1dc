-- A healthy file is indexed by its packets; the first decoding confirms that or corrects it.

GRANT DELETE ON segments, video_stretches TO anyanomaly_writer;
-- What an event under legal hold lies in stays, even where a file turns out to have other frames than its packets said.
CREATE FUNCTION refuse_held_segments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM public.legal_holds h WHERE h.video_id = OLD.video_id AND h.released_at IS NULL)
        OR EXISTS (
            SELECT FROM public.event_parts p JOIN public.legal_holds h USING (event_id)
            WHERE p.video_id = OLD.video_id AND h.released_at IS NULL
        ) THEN
        RAISE EXCEPTION 'the segments of video % belong to an event under legal hold; they stay until it is released', OLD.video_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER segments_held BEFORE DELETE ON segments FOR EACH ROW EXECUTE FUNCTION refuse_held_segments();
CREATE TRIGGER video_stretches_held BEFORE DELETE ON video_stretches FOR EACH ROW EXECUTE FUNCTION refuse_held_segments();
COMMENT ON COLUMN videos.decoder IS 'ffmpeg and its version; NULL: the packets of the file told its frames, nothing was decoded to count them.';
COMMENT ON COLUMN videos.frame_count IS 'Frames that are decoded, not what the header says.';
COMMENT ON COLUMN segments.motion IS 'Mean change from frame to frame, in grey levels; NULL: nothing was decoded when the video was indexed.';
