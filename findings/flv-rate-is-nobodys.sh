#!/bin/sh
# FLV counts milliseconds: its average rate of an NTSC recording is a fraction that nobody chose, and no step between frames is right.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: the FLV format's time stamps of one millisecond.
# Behaviour: 30000/1001 becomes 989/33 on average; steps are 33 and 34 ms. `guessed_rate` stays 30000/1001.
# Output seen 2026-11-28: average 989/33, guessed 30000/1001, steps 33 and 34 ms
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import av_times, ffmpeg, film
ffmpeg("-i", film("n.mp4", "30000/1001"), "-c", "copy", "n.flv")
t = av_times("n.flv")
steps = sorted({round((b - a) * 1000) for a, b in zip(t, t[1:])})
with av.open("n.flv") as container:
    found = str(container.streams.video[0].average_rate), str(container.streams.video[0].guessed_rate), steps
print("average {}, guessed {}, steps {} ms".format(found[0], found[1], " and ".join(map(str, steps))))
assert found == ("989/33", "30000/1001", [33, 34])
E
