#!/bin/sh
# Where a clock goes back, ffmpeg -c copy gives all frames behind it next to no time: four seconds become 2 ms, or none.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: ffmpeg's way with decoding times that are not monotonic.
# Behaviour: two recordings of 4 s joined to one Matroska file and copied. All 80 frames are there, the last 40 within 2 ms; exit status 0.
# Output seen 2026-11-28: mkv: 80 frames, the 40th at 3.9 s, the last at 3.9 s, status 0; mp4: the last at 3.902 s
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import subprocess
from pathlib import Path
from video import FFMPEG, av_times, film
Path("2.mkv").write_bytes(Path(film("b.mkv")).read_bytes() * 2)
for kind in ("mkv", "mp4"):
    done = subprocess.run([FFMPEG, "-v", "fatal", "-y", "-i", "2.mkv", "-c", "copy", f"copied.{kind}"])
    t = av_times(f"copied.{kind}")
    found = len(t), round(t[39], 3), round(t[-1], 3), done.returncode
    print(kind + ": {} frames, the 40th at {} s, the last at {} s, status {}".format(*found))
    assert (found[0], found[1], found[3]) == (80, 3.9, 0) and t[-1] < 3.95
E
