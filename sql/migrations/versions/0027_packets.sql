-- A healthy file is indexed by its packets; the first decoding confirms that or corrects it.

GRANT DELETE ON segments, video_stretches TO anyanomaly_writer;
COMMENT ON COLUMN videos.decoder IS 'ffmpeg and its version; NULL: the packets of the file told its frames, nothing was decoded to count them.';
COMMENT ON COLUMN videos.frame_count IS 'Frames that are decoded, not what the header says.';
COMMENT ON COLUMN segments.motion IS 'Mean change from frame to frame, in grey levels; NULL: nothing was decoded when the video was indexed.';
