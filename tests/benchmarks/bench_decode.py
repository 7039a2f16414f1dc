"""How fast and how small decoding is: ``python tests/benchmarks/bench_decode.py [--seconds 60] [--repetitions 4]``.

On one generated 1080p H.264 file, in turns within the same run: a bare ffmpeg that decodes and throws away; ours that
yields every 8th frame at 640x360; the index from packets and by decoding; and every frame at full size, where the pipe
of 6 MB per frame is the cost. The bar is 0.9 of the bare speed for the first. Then the memory of parent and child over
a file ten times as long.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from anyanomaly_core.footage import index, packet_list
from anyanomaly_core.footage.command import executable
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.sandbox import Limits

_THREADS = 2
_LIMITS = Limits(threads=_THREADS)
_BAR = 0.9
_BASE = "bare ffmpeg, decode only"


def render(path: Path, seconds: int, size: str) -> None:
    """A moving picture with sensor noise, 25 frames per second."""
    source = f"testsrc2=size={size}:rate=25:duration={seconds},noise=alls=8:allf=t"
    command = [executable(), "-y", "-loglevel", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", str(path)], check=True)


def bare(path: Path) -> None:
    """Decode and throw away, outside of any sandbox."""
    command = [executable(), "-nostdin", "-loglevel", "error", "-threads", str(_THREADS), "-i", str(path)]
    subprocess.run([*command, "-an", "-f", "null", "-"], check=True)


def consume(path: Path, step: int, size: tuple[int, int] | None) -> int:
    """Frames that decode yields."""
    return sum(1 for _ in decode(path, step=step, size=size, limits=_LIMITS))


def index_anew(path: Path, *, from_packets: bool) -> None:
    """Past what is remembered of the last files."""
    packet_list._list_packets.cache_clear()
    index._index_frames.cache_clear()
    found = index.index_frames(path, limits=_LIMITS, from_packets=from_packets)
    assert found.from_packets == from_packets


def in_turns(ways: dict[str, Callable[[], object]], repetitions: int) -> dict[str, list[tuple[float, float]]]:
    """(wall, processor) seconds of each way; a way's n-th time is taken right beside the others' n-th."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            began, used = time.perf_counter(), _processor_s()
            way()
            times[name].append((time.perf_counter() - began, _processor_s() - used))
    return times


def _processor_s() -> float:
    """Of this process and the children that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def _typical_ratio(base: list[float], taken: list[float]) -> float:
    """Median over the turns: neighbours in time share what else the machine does."""
    return statistics.median(b / t for b, t in zip(base, taken, strict=True))


class ChildMemory:
    """Largest resident size of any decoder among this process's children, sampled from /proc."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.05):
            for task in Path("/proc/self/task").iterdir():
                for child in _children(task):
                    if _is_decoder(child):
                        self.peak_mb = max(self.peak_mb, _resident_mb(child))


def _children(thread: Path) -> list[str]:
    """None of a thread that has ended since it was listed."""
    try:
        return (thread / "children").read_text().split()
    except OSError:
        return []


def _is_decoder(process: str) -> bool:
    """A child that has not become ffmpeg yet shows the pages of its parent as its own."""
    try:
        return Path(f"/proc/{process}/comm").read_text().startswith("ffmpeg")
    except OSError:
        return False


def _resident_mb(process: str) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return 0.0


def memory(path: Path) -> tuple[float, float]:
    """MB that this process grew to at most, and of its largest child, while decoding all of a file."""
    with ChildMemory() as child:
        consume(path, 1, None)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, child.peak_mb


def main() -> int:
    """Print both tables; 1 when the bar is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--repetitions", type=int, default=4)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-decode-") as folder:
        path = Path(folder) / "1080p.mp4"
        render(path, chosen.seconds, "1920x1080")
        ways: dict[str, Callable[[], object]] = {
            _BASE: lambda: bare(path),
            "decode, every 8th at 640x360": lambda: consume(path, 8, (640, 360)),
            "index_frames, from packets": lambda: index_anew(path, from_packets=True),
            "index_frames, by decoding": lambda: index_anew(path, from_packets=False),
            "decode, every frame, full size": lambda: consume(path, 1, None),
        }
        times = in_turns(ways, chosen.repetitions)
        wall = {name: [one[0] for one in taken] for name, taken in times.items()}
        work = {name: [one[1] for one in taken] for name, taken in times.items()}
        ratios = {name: _typical_ratio(wall[_BASE], taken) for name, taken in wall.items()}
        for name, ratio in ratios.items():
            spent = f"{statistics.median(wall[name]):6.2f} s wall, {statistics.median(work[name]):6.2f} s processor"
            print(
                f"{name:32} {spent}; speed {ratio:.2f} of bare, by processor time "
                f"{_typical_ratio(work[_BASE], work[name]):.2f}",
                flush=True,
            )
        short, long = Path(folder) / "short.mp4", Path(folder) / "long.mp4"
        render(short, 60, "320x180")
        render(long, 600, "320x180")
        for name, file in (("1 minute", short), ("10 minutes", long)):
            own, child = memory(file)
            print(f"{name:32} this process {own:.0f} MB, decoder {child:.0f} MB", flush=True)
    return 0 if ratios["decode, every 8th at 640x360"] >= _BAR else 1


if __name__ == "__main__":
    sys.exit(main())
