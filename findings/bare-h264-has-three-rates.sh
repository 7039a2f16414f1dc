#!/bin/sh
# A bare H.264 stream of 10 frames a second has three rates; the one that is called average is no average of anything in it.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: FFmpeg's raw demuxers assume 25 unless told `-framerate`.
# Behaviour: `average_rate` 25, `guessed_rate` 10 (from the stream's own timing), `base_rate` 20 (fields). `ffmpeg` times frames by 10.
# Output seen 2026-11-28: average 25, guessed 10, base 20; ffmpeg's last of 40 frames at 3.9 s
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import ffmpeg, film, times
ffmpeg("-i", film("b.mkv"), "-c", "copy", "-f", "h264", "b.h264")
with av.open("b.h264") as container:
    video = container.streams.video[0]
    found = (video.average_rate, video.guessed_rate, video.base_rate, round(times("b.h264")[-1], 2))
print("average {}, guessed {}, base {}; ffmpeg's last of 40 frames at {} s".format(*found))
assert found == (25, 10, 20, 3.9)
E
