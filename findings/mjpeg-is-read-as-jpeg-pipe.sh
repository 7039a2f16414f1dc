#!/bin/sh
# JPEGs one behind the other, written by ffmpeg as .mjpeg, are read back as another format than they were written as.
# Version: imageio-ffmpeg 0.8.1 (ffmpeg 9), av 18.1.0. Source: FFmpeg's probing; the muxer is `mjpeg`, the demuxer found is `jpeg_pipe`.
# Behaviour: a list of allowed formats that has `mjpeg` refuses the file. No rate and no duration are stated: 25 is assumed for 15.
# Output seen 2026-11-28: format jpeg_pipe, rate 25, duration None, 60 frames
. "$(dirname "$0")/lib.sh"
need imageio-ffmpeg==0.8.1 av==18.1.0
cp "$(dirname "$0")/video.py" "$D/site"
py <<'E'
import av
from video import av_times, ffmpeg
ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=15:d=4", "-c:v", "mjpeg", "x.mjpeg")
with av.open("x.mjpeg") as container:
    found = container.format.name, container.streams.video[0].average_rate, container.duration, len(av_times("x.mjpeg"))
print("format {}, rate {}, duration {}, {} frames".format(*found))
assert found == ("jpeg_pipe", 25, None, 60)
E
