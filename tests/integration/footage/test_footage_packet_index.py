"""An index from packets is the index that decoding gives, or there is none; and decoding confirms it."""

import random
from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.errors import FootageError, FrameIndexError
from anyanomaly_core.footage.decode import decode_ranges
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.packet_list import list_packets
from tests.benchmarks.fuzz_packets import VARIANTS, damage, disagreement, render
from tests.integration.footage.conftest import Make
from tests.integration.footage.test_footage_samples import FOOTAGE_ROWS, ODD, ODD_ROWS, SAMPLES, absent

FROM_PACKETS = {
    "gmdcsa24_S3_Fall_20.mp4",
    "ucf_crime_Normal_Videos_006_x264.mp4",
    "ucf_crime_RoadAccidents002_x264.mp4",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: render(folder, name) for name in VARIANTS}


@pytest.mark.parametrize("name", VARIANTS)
def test_whole_files_are_indexed_without_decoding(whole: dict[str, Path], name: str) -> None:
    index, packets = index_frames(whole[name]), list_packets(whole[name])
    assert index.from_packets
    assert packets is not None
    assert np.flatnonzero(packets.key_frames).tolist() == [0, 10, 20]
    assert 0.8 * whole[name].stat().st_size < packets.sizes.sum() < whole[name].stat().st_size
    assert disagreement(whole[name]) is None


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_are_indexed_as_decoding_does(whole: dict[str, Path], tmp_path: Path, seed: int) -> None:
    """``python -m tests.benchmarks.fuzz_packets 2000`` does the same with more of them."""
    name = sorted(VARIANTS)[seed % len(VARIANTS)]
    path = tmp_path / name
    path.write_bytes(damage(whole[name].read_bytes(), random.Random(seed)))  # noqa: S311  (a seed, not a secret)
    assert disagreement(path) is None


@pytest.mark.parametrize("part", [2, 10, 18])
def test_truncated_files_are_indexed_as_decoding_does(whole: dict[str, Path], tmp_path: Path, part: int) -> None:
    for name, file in whole.items():
        content = file.read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) * part // 20])
        assert disagreement(tmp_path / name) is None


@absent
@pytest.mark.footage
@pytest.mark.parametrize("path", [*(SAMPLES / r["file"] for r in FOOTAGE_ROWS), *(ODD / r["file"] for r in ODD_ROWS)])
def test_real_files_are_indexed_as_decoding_does(path: Path) -> None:
    assert disagreement(path) is None
    if path.parent == SAMPLES:
        assert index_frames(path).from_packets == (path.name in FROM_PACKETS)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["-c:v", "libx264", "-bf", "2"], "reordered.mp4"),
        (["-c:v", "libx264", "-bf", "0", "-flags", "+ildct+ilme"], "interlaced.mp4"),
        (["-c:v", "mjpeg"], "motion-jpeg.avi"),
        (["-c:v", "mpeg4"], "part2.mp4"),
        (["-c:v", "libx265", "-x265-params", "bframes=0:log-level=none"], "h265.mp4"),
        (["-c:v", "libx264", "-bf", "0"], "stream.ts"),
    ],
)
def test_what_packets_do_not_tell_is_decoded(make: Make, options: list[str], name: str) -> None:
    path = make(name, *options, "-pix_fmt", "yuvj420p" if name.endswith("avi") else "yuv420p")
    assert list_packets(path) is None
    index = index_frames(path)
    assert not index.from_packets
    assert index.frame_count == 30


def test_an_edit_list_hides_frames_from_packets_too(make: Make) -> None:
    whole = make("whole.mp4", "-c:v", "libx264", "-bf", "0", "-g", "30")
    cut = make("cut.mp4", "-ss", "1.5", "-i", f"file:{whole}", "-map", "1", "-c", "copy")
    assert not index_frames(cut).from_packets
    assert disagreement(cut) is None


def test_decoding_confirms_what_packets_stated(whole: dict[str, Path]) -> None:
    path = whole["last.mp4"]
    for step in (1, 4, 7):
        frames = [frame.number for frame in decode_ranges(path, [range(0, 30, step)], size=(16, 12), stated_frames=30)]
        assert frames == list(range(0, 30, step))
    for stated in (29, 31):
        frames = []
        with pytest.raises(FrameIndexError, match=f"stated {stated} frames, decoding gave"):
            frames.extend(
                frame.number for frame in decode_ranges(path, [range(0, 29, 4)], size=(16, 12), stated_frames=stated)
            )


def test_a_decoder_that_complains_confirms_nothing(whole: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(whole["last.mp4"].read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = b"\x55" * 8
    path = tmp_path / "flipped.mp4"
    path.write_bytes(content)
    index = index_frames(path)
    assert index.from_packets  # every header is whole; the picture is not
    assert index_frames(path, from_packets=False).damage
    with pytest.raises(FrameIndexError, match="complained"):
        list(decode_ranges(path, [range(30)], size=(16, 12), stated_frames=30))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="cannot be opened"):
        list_packets(tmp_path / "gone.mp4")
