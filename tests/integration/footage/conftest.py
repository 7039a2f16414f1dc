"""Generated videos, and a bare ffmpeg to compare with."""

import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from anyanomaly_core.footage.command import executable

# A picture whose grey level tells its number: 16 + 2 n in the file's own (limited) range.
LEVELS = "geq=lum='16+mod(2*N,220)':cb=128:cr=128"
LOSSLESS = ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"]
Make = Callable[..., Path]


def run_ffmpeg(*arguments: str) -> str:
    """Run the bundled ffmpeg outside the sandbox; stdout and stderr together."""
    command = [executable(), "-nostdin", "-hide_banner", "-y", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace")


def bare_count(path: Path) -> int:
    """Frames that ffmpeg itself decodes of the first video stream, with none of our options."""
    said = run_ffmpeg(
        "-loglevel", "fatal", "-progress", "pipe:1", "-i", f"file:{path}", "-map", "0:V:0", "-f", "null", "-"
    )
    counts = re.findall(r"^frame=(\d+)$", said, re.MULTILINE)
    return int(counts[-1]) if counts else 0


def bare_times(path: Path) -> list[float]:
    """Times of the frames, since the first, as ffmpeg's ``showinfo`` tells them."""
    options = ["-map", "0:V:0", "-vf", "showinfo", "-fps_mode", "passthrough", "-f", "null", "-"]
    said = run_ffmpeg("-loglevel", "info", "-copyts", "-i", f"file:{path}", *options)
    unit = Fraction(re.findall(r"config in time_base: (\d+/\d+)", said)[0])
    ticks = [int(text) for text in re.findall(r"\] n: *\d+ pts: *(-?\d+) ", said)]
    return [float((tick - ticks[0]) * unit) for tick in ticks]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make("name.mp4", *output arguments, source=lavfi graph)`` renders a file."""

    def _make(name: str, *arguments: str, source: str = "testsrc=size=160x120:rate=10:duration=3") -> Path:
        path = tmp_path / name
        said = run_ffmpeg("-loglevel", "error", "-f", "lavfi", "-i", source, *arguments, f"file:{path}")
        assert path.exists(), said
        return path

    return _make


@pytest.fixture
def numbered(make: Make) -> Path:
    """100 lossless frames of 64x48 whose grey level tells their number, with B-frames absent."""
    source = f"color=black:size=64x48:rate=25:duration=4,{LEVELS}"
    return make("numbered.mp4", *LOSSLESS, "-pix_fmt", "yuv420p", source=source)


def level(number: int) -> float:
    """Full-range grey of picture ``number`` of LEVELS."""
    return (2 * number % 220) * 255 / 219
