"""Damaged files whose packets and whose decoding must give the same index.

    python -m tests.benchmarks.fuzz_packets 2000 [FIRST SEED]

A file that packets do not describe exactly is decoded, and so agrees with itself; the command says how many were not.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.command import executable
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.types import FrameIndex

SOURCE = "testsrc2=size=192x144:rate=10:duration=3,noise=alls=6:allf=t"
H264 = ["-c:v", "libx264", "-bf", "0"]
VARIANTS = {
    "last.mp4": H264,
    "first.mp4": [*H264, "-preset", "ultrafast", "-movflags", "+faststart"],
    "fragments.mp4": [*H264, "-movflags", "frag_keyframe+empty_moov"],
    "slices.mkv": [*H264, "-slices", "3"],
}


def render(folder: Path, name: str) -> Path:
    """Three seconds of moving picture with noise, a key frame every second."""
    command = [executable(), "-y", "-loglevel", "error", "-f", "lavfi", "-i", SOURCE, "-g", "10", *VARIANTS[name]]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(folder / name)], check=True)
    return folder / name


def damage(content: bytes, draw: random.Random) -> bytes:
    """Flipped bits, a hole of zeros, a cut, or foreign bytes."""
    changed = bytearray(content)
    kind, start = draw.random(), draw.randrange(len(content))
    if kind < 0.5:
        for _ in range(draw.choice([1, 1, 2, 5, 30])):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif kind < 0.7:
        length = draw.randrange(1, 2000)
        changed[start : start + length] = bytes(length)
    elif kind < 0.85:
        del changed[start:]
    else:
        changed[start : start + 64] = draw.randbytes(draw.randrange(1, 64))
    return bytes(changed)


def disagreement(path: Path) -> str | None:
    """How the index from packets differs from the one by decoding, if there is one from packets."""
    stated = _index(path, from_packets=True)
    if isinstance(stated, str) or not stated.from_packets:
        return None
    decoded = _index(path, from_packets=False)
    if isinstance(decoded, str):
        return f"packets state {stated.frame_count} frames; decoding: {decoded}"
    if decoded.frame_count != stated.frame_count:
        return f"packets state {stated.frame_count} frames, decoding gave {decoded.frame_count}: {decoded.damage[:2]}"
    off = float(np.abs(stated.times_s - decoded.times_s).max())
    return f"times differ by {off} s" if off > 1e-9 else None


def _index(path: Path, *, from_packets: bool) -> FrameIndex | str:
    try:
        return index_frames(path, from_packets=from_packets)
    except FootageError as error:
        return str(error)


def main(count: int, first: int) -> None:
    """Fuzz and report."""
    used, wrong = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        whole = {name: render(Path(scratch), name) for name in VARIANTS}
        for seed in range(first, first + count):
            name = sorted(VARIANTS)[seed % len(VARIANTS)]
            path = Path(scratch) / f"damaged-{name}"
            path.write_bytes(damage(whole[name].read_bytes(), random.Random(seed)))  # noqa: S311
            found = _index(path, from_packets=True)
            used += not isinstance(found, str) and found.from_packets
            if problem := disagreement(path):
                wrong.append(f"seed {seed}, {name}: {problem}")
                print(wrong[-1], flush=True)
    print(f"{count} damaged files, {used} indexed by their packets, {len(wrong)} of them otherwise than by decoding")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
