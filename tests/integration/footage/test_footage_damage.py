"""Damaged files: what could be decoded is numbered as ffmpeg numbers it, the rest has a reason."""

import random
from pathlib import Path

import pytest

from anyanomaly_core.errors import UnreadableFootageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.types import FrameIndex
from tests.integration.footage.conftest import Make, bare_count

SOURCE = "testsrc2=size=192x144:rate=10:duration=6,noise=alls=6:allf=t"
CONTAINERS = {
    "first.mp4": ["-movflags", "+faststart"],
    "last.mp4": [],
    "fragments.mp4": ["-movflags", "frag_keyframe+empty_moov"],
    "stream.ts": [],
    "matroska.mkv": [],
    "riff.avi": ["-c:v", "mpeg4"],
}


def indexed(path: Path) -> FrameIndex | None:
    """The index, agreeing with a bare ffmpeg and with decode; None: neither finds a frame."""
    try:
        index = index_frames(path)
    except UnreadableFootageError:
        assert bare_count(path) == 0
        return None
    assert index.frame_count == bare_count(path)
    assert [frame.number for frame in decode(path, step=4, size=(16, 12))] == list(range(0, index.frame_count, 4))
    return index


@pytest.mark.parametrize("container", CONTAINERS)
def test_truncated_at_every_twentieth(make: Make, container: str) -> None:
    whole = make(container, "-g", "20", *CONTAINERS[container], source=SOURCE)
    content = whole.read_bytes()
    path = whole.with_name(f"cut-{container}")
    for part in range(1, 20):
        path.write_bytes(content[: len(content) * part // 20])
        index = indexed(path)
        if index is not None and container == "first.mp4" and part <= 15:
            assert not index.complete
            assert "could be decoded" in index.damage[-1]


@pytest.mark.parametrize("seed", range(4))
def test_bit_rot(make: Make, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  (a seed, not a secret)
    container = sorted(CONTAINERS)[seed % len(CONTAINERS)]
    whole = make(container, "-g", "20", *CONTAINERS[container], source=SOURCE)
    content = bytearray(whole.read_bytes())
    for _ in range(30):
        content[rng.randrange(2000, len(content))] ^= 1 << rng.randrange(8)
    whole.write_bytes(content)
    index = indexed(whole)
    assert index is None or index.frame_count > 10


def test_zero_hole(make: Make) -> None:
    whole = make("hole.mp4", "-g", "20", "-movflags", "+faststart", source=SOURCE)
    content = bytearray(whole.read_bytes())
    start = len(content) // 3
    content[start : start + 20_000] = bytes(20_000)
    whole.write_bytes(content)
    index = indexed(whole)
    assert index is not None
    assert index.damage
    assert all(len(line) < 260 for line in index.damage)
