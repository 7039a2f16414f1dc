#!/bin/sh
# ffmpeg fills a hole in a recording with copies of the last frame when it writes raw pictures into a pipe.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9). Source: ffmpeg's option -fps_mode; `auto` means a constant rate for these outputs.
# Behaviour: 100 frames with 68 s without one become 1800 pictures; with `-fps_mode passthrough` they are 100.
# Output seen 2026-11-28: 1800 pictures of 100 frames; passthrough: 100
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import subprocess
from video import FFMPEG, film_with_hole
def pictures(*options):
    command = [FFMPEG, "-v", "error", "-i", film_with_hole("h.mkv"), *options, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) // (160 * 120)
found = pictures(), pictures("-fps_mode", "passthrough")
print("{} pictures of 100 frames; passthrough: {}".format(*found))
assert found == (1800, 100)
E
