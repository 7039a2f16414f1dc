#!/bin/sh
# An AVI with a pause states as many frames as would have fitted into it.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: FFmpeg's AVI muxer counts time, AVI has no time stamps.
# Behaviour: 100 MJPEG frames with 68 s without one: the header states 1800, decoding gives 100, the last at 71.96 s.
# Output seen 2026-11-28: stated 1800, decoded 100, last at 71.96 s
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import av_times, ffmpeg, film_with_hole
ffmpeg("-i", film_with_hole("h.mkv"), "-fps_mode", "passthrough", "-c:v", "mjpeg", "hole.avi")
with av.open("hole.avi") as container:
    found = container.streams.video[0].frames, len(av_times("hole.avi")), round(av_times("hole.avi")[-1], 2)
print("stated {}, decoded {}, last at {} s".format(*found))
assert found == (1800, 100, 71.96)
E
