"""Small videos for the scripts here, made by the pinned ffmpeg."""

import re
import subprocess

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*options: str) -> None:
    """Run it quietly; raises when it fails."""
    subprocess.run([FFMPEG, "-v", "error", "-y", *options], check=True)


def film(name: str, rate: str = "10", *options: str) -> str:
    """Four seconds of H.264 without B-frames, a key frame every ten frames."""
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s=160x120:r={rate}:d=4",
        *options,
        "-c:v",
        "libx264",
        "-bf",
        "0",
        "-g",
        "10",
        name,
    )
    return name


def film_with_hole(name: str) -> str:
    """100 frames at 25 a second, 68 s without a frame in the middle."""
    hole = "setpts=PTS+if(gte(N\\,50)\\,68/TB\\,0)"
    return film(name, "25", "-vf", hole, "-fps_mode", "passthrough")


def times(name: str, *options: str) -> list[float]:
    """Seconds of every frame that ffmpeg decodes."""
    command = [FFMPEG, *options, "-i", name, "-vf", "showinfo", "-fps_mode", "passthrough", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return [float(found) for found in re.findall(r"pts_time:([-\d.]+)", said)]


def av_times(name: str) -> list[float]:
    """The same by PyAV."""
    import av

    with av.open(name) as container:
        return [frame.time for frame in container.decode(video=0)]
