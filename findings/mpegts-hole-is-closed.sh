#!/bin/sh
# ffmpeg closes a hole in an MPEG-TS recording; PyAV, over the same libraries, does not.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: ffmpeg's option -dts_delta_threshold (10 s), which the program applies to
# formats with discontinuities; the libraries do not. `-copyts` keeps the hole.
# Behaviour: 100 frames with 68 s without a frame in the middle end at 3.96 s by ffmpeg, at 71.96 s by PyAV and by `ffmpeg -copyts`.
# Output seen 2026-11-28: ffmpeg 3.96 s, ffmpeg -copyts 71.96 s, PyAV 71.96 s
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
from video import av_times, ffmpeg, film_with_hole, times
ffmpeg("-i", film_with_hole("h.mkv"), "-c", "copy", "h.ts")
found = [round(t[-1] - t[0], 2) for t in (times("h.ts"), times("h.ts", "-copyts"), av_times("h.ts"))]
print("ffmpeg {} s, ffmpeg -copyts {} s, PyAV {} s".format(*found))
assert found == [3.96, 71.96, 71.96]
E
