"""The real and odd files beside the repository: counts and statuses (marker ``footage``)."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.errors import UnreadableFootageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.probe import probe
from tests.integration.footage.conftest import bare_count, bare_times

pytestmark = pytest.mark.footage

SAMPLES = Path(os.environ.get("ANYANOMALY_SAMPLES") or Path(__file__).parents[4] / "shared" / "footage")


def manifest(folder: Path) -> list[dict[str, str]]:
    if not (folder / "MANIFEST.csv").is_file():
        return []
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ODD = SAMPLES.parent / "odd"
NO_SAMPLES = f"no sample footage in {SAMPLES} (ANYANOMALY_SAMPLES)"
FOOTAGE_ROWS, ODD_ROWS = manifest(SAMPLES), manifest(ODD)
absent = pytest.mark.skipif(not FOOTAGE_ROWS or not ODD_ROWS, reason=NO_SAMPLES)

WHY = {
    "real_mpeg2_ts_pmt_change.mp4": "no decodable picture",
    "real_mp4_chunk_out_of_range.mp4": "damaged or in no video format",
    "real_mp4_header_only.mp4": "states 297 frames of h264, but none could be decoded",
    "real_mp4_encrypted.mp4": "encrypted",
    "derived_text_not_video.mp4": "is text, not video",
}
INCOMPLETE = {
    "real_h264_displaymatrix_rotated.mp4": "23.61 s",
    "real_h264_starts_on_nonkeyframe.mp4": "first 3.10 s",
    "real_h264_partial_stream.mp4": "210.21 s",
    "derived_truncated_moov_first.mp4": "12.00 s",
}

# How many frames have another time than the file states: one that runs back in the first, repeats in the second.
REPAIRED = {"real_mp4_no_timescale.mp4": 1, "real_h264_partial_stream.mp4": 1}


@absent
def test_counts_of_the_footage() -> None:
    """And their times, as ffmpeg tells them; nothing of them is repaired."""
    indices = {row["file"]: index_frames(SAMPLES / row["file"]) for row in FOOTAGE_ROWS}
    counts = {name: index.frame_count for name, index in indices.items()}
    assert counts == {row["file"]: int(row["frames"]) for row in FOOTAGE_ROWS}
    assert len(counts) == 8
    for name, index in indices.items():
        assert index.as_stated
        np.testing.assert_allclose(index.times_s, bare_times(SAMPLES / name), atol=1e-6)


@absent
@pytest.mark.parametrize("row", ODD_ROWS, ids=lambda row: row["file"])
def test_odd_files(row: dict[str, str]) -> None:
    """The count is the manifest's and a bare ffmpeg's, and decode numbers its frames alike."""
    path = ODD / row["file"]
    if row["file"] in WHY:
        assert int(row["frames"]) == bare_count(path) == 0
        with pytest.raises(UnreadableFootageError, match=WHY[row["file"]]):
            index_frames(path)
        with pytest.raises(UnreadableFootageError):
            list(decode(path))
        return
    index, header = index_frames(path), probe(path)
    # Of the file with two video streams the manifest counts the first, and so do we and bare_count.
    assert index.frame_count == int(row["frames"]) == bare_count(path)
    frames = [(frame.number, frame.image.shape) for frame in decode(path)]
    assert frames == [(n, (header.height, header.width, 3)) for n in range(index.frame_count)]
    assert [f.number for f in decode(path, step=3, first_frame=2, size=(32, 24))] == list(range(2, len(frames), 3))
    stated = np.array(bare_times(path))
    repaired = np.abs(index.times_s - index.times_s[0] - stated) > 1e-6
    assert int(repaired.sum()) == REPAIRED.get(row["file"], 0)
    assert index.as_stated == (row["file"] not in REPAIRED)
    assert index.complete == (row["file"] not in INCOMPLETE)
    assert index.complete or INCOMPLETE[row["file"]] in index.damage[-1]


@absent
def test_every_odd_file_was_looked_at() -> None:
    assert len(ODD_ROWS) == 37
