#!/bin/sh
# Of two FLV or MP4 recordings joined to one file ffmpeg decodes the first, and says nothing of the second.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9). Source: FFmpeg's demuxers; MPEG-TS, MPEG and Matroska go on.
# Behaviour: 40 of 80 frames, no complaint, exit status 0; as MPEG-TS or Matroska all 80.
# Output seen 2026-11-28: flv 40, mp4 40, mkv 80, ts 80; no complaint
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import subprocess
from pathlib import Path
from video import FFMPEG, film
found = {}
for kind in ("flv", "mp4", "mkv", "ts"):
    Path(f"2.{kind}").write_bytes(Path(film(f"b.{kind}")).read_bytes() * 2)
    command = [FFMPEG, "-v", "error", "-i", f"2.{kind}", "-fps_mode", "passthrough", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found[kind] = sum(not line.startswith("#") for line in done.stdout.splitlines())
    assert kind in ("mkv", "ts") or not done.stderr, done.stderr
print(", ".join(f"{kind} {frames}" for kind, frames in found.items()) + "; no complaint")
assert found == {"flv": 40, "mp4": 40, "mkv": 80, "ts": 80}
E
