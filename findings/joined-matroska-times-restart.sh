#!/bin/sh
# Two Matroska recordings joined to one file decode whole, but their times begin again at 0 and the header states the first's length.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: FFmpeg's Matroska demuxer reads the second segment with its own clock.
# Behaviour: frame 40 of 80 is at 0 s again; the stated duration is that of one recording.
# Output seen 2026-11-28: frames 39 and 40 at 3.9 and 0.0 s, stated 4.0 s, 80 frames
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from pathlib import Path
from video import av_times, film
Path("2.mkv").write_bytes(Path(film("b.mkv")).read_bytes() * 2)
t = av_times("2.mkv")
with av.open("2.mkv") as container:
    found = t[39], t[40], container.duration / 1e6, len(t)
print("frames 39 and 40 at {} and {} s, stated {} s, {} frames".format(*found))
assert found == (3.9, 0.0, 4.0, 80)
E
