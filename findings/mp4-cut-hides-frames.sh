#!/bin/sh
# An MP4 that was cut without encoding holds frames that no player shows: header and packets count them, decoding does not.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: MP4 edit lists; FFmpeg's -ss with -c copy begins at the key frame and hides the rest.
# Behaviour: cut at 1.55 s of 4 s at 10 a second with key frames every second: 30 frames stated, 30 packets, fewer decoded.
# Output seen 2026-11-28: stated 30, packets 30, decoded 24
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import av_times, ffmpeg, film
ffmpeg("-ss", "1.55", "-i", film("a.mp4"), "-c", "copy", "cut.mp4")
with av.open("cut.mp4") as container:
    video = container.streams.video[0]
    found = video.frames, sum(1 for packet in container.demux(video) if packet.size), len(av_times("cut.mp4"))
print("stated {}, packets {}, decoded {}".format(*found))
assert found[0] == found[1] == 30 and found[2] == 24
E
