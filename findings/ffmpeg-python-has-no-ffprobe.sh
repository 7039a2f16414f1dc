#!/bin/sh
# ffmpeg-python beside the ffmpeg of imageio-ffmpeg can decode but not probe: the wheel has no ffprobe.
# Version: ffmpeg-python 0.2.0, imageio-ffmpeg 0.8.1. Source: contents of the wheel; ffmpeg-python starts `ffprobe` by name.
# Behaviour: `ffmpeg.run(cmd=...)` takes the wheel's program; `ffmpeg.probe` raises FileNotFoundError where no ffprobe is installed.
# Output seen 2026-11-28: decoded 160x120; probe: FileNotFoundError 'ffprobe'
. "$(dirname "$0")/lib.sh"
need ffmpeg-python==0.2.0 imageio-ffmpeg==0.8.1
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import os
os.environ["PATH"] = "/nowhere"  # whatever this machine has
import ffmpeg
from video import FFMPEG, film
raw, _ = ffmpeg.input(film("b.mkv")).output("-", format="rawvideo", pix_fmt="gray", vframes=1).run(cmd=FFMPEG, capture_stdout=True, quiet=True)
try:
    found = ffmpeg.probe("b.mkv")
except FileNotFoundError as error:
    found = f"FileNotFoundError {error.filename!r}"
print(f"decoded {len(raw) // 120}x120; probe: {found}")
assert len(raw) == 160 * 120 and found == "FileNotFoundError 'ffprobe'"
E
