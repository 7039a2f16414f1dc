#!/bin/sh
# A copy of a 25 fps MP4 into AVI, without encoding, states 600 frames a second and 24 times its frames.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: FFmpeg's AVI muxer writes the stream's time base as its rate.
# Behaviour: `average_rate` is 600 and `frames` 2400; `guessed_rate` is 25. Sampling by the header's rate takes 4 of 100 frames.
# Output seen 2026-11-28: average 600, guessed 25, frames 2400, decoded 100
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import av_times, ffmpeg, film
ffmpeg("-i", film("a.mp4", "25"), "-c", "copy", "a.avi")
with av.open("a.avi") as container:
    video = container.streams.video[0]
    found = (video.average_rate, video.guessed_rate, video.frames, len(av_times("a.avi")))
print("average {}, guessed {}, frames {}, decoded {}".format(*found))
assert found == (600, 25, 2400, 100)
E
