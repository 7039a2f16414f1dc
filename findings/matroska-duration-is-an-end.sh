#!/bin/sh
# The duration that a Matroska file states is the moment its last stream ends, not how long its pictures last.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: the Matroska Duration element as FFmpeg writes it.
# Behaviour: 4 s of pictures that begin at 47 s state 51 s; with 30 s of sound beside them 30 s. The video stream states nothing.
# Output seen 2026-11-28: begins at 47 s: 51.0 s; longer sound: 30.0 s; stream durations None None
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import ffmpeg, film
film("b.mkv")
ffmpeg("-i", "b.mkv", "-c", "copy", "-output_ts_offset", "47", "late.mkv")
ffmpeg("-i", "b.mkv", "-f", "lavfi", "-i", "sine=d=30:r=8000", "-c:v", "copy", "-c:a", "pcm_alaw", "-ac", "1", "sound.mkv")
found = []
for name in ("late.mkv", "sound.mkv"):
    with av.open(name) as container:
        found += [container.duration / 1e6, container.streams.video[0].duration]
print("begins at 47 s: {0} s; longer sound: {2} s; stream durations {1} {3}".format(*found))
assert found == [51.0, None, 30.0, None]
E
