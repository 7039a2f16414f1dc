#!/bin/sh
# A JPEG with Exif data in a video: PyAV decodes the picture, and raises when somebody looks at the frame's side data.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0, pillow 13.0.0. Source: PyAV's list of side data types; PyAV pull request 2392.
# Behaviour: `frame.side_data` raises ValueError for a type that FFmpeg has and PyAV's enumeration lacks.
# Output seen 2026-11-28: 5 frames decoded; side data: ValueError: 31 is not a valid Type
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0 pillow==13.0.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from PIL import Image
from video import av_times, ffmpeg
exif = Image.Exif()
exif[0x0110] = "camera"
Image.new("RGB", (64, 48), "grey").save("1.jpg", exif=exif)
ffmpeg("-loop", "1", "-framerate", "5", "-t", "1", "-i", "1.jpg", "-c:v", "copy", "e.avi")
with av.open("e.avi") as container:
    frame = next(container.decode(video=0))
    try:
        list(frame.side_data.keys())
        found = "nothing raised"
    except ValueError as error:
        found = f"ValueError: {error}"
print(f"{len(av_times('e.avi'))} frames decoded; side data: {found}")
assert found.startswith("ValueError") and len(av_times("e.avi")) == 5
E
