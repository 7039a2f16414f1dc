"""Clips: exactly the frames asked for, whatever the container, in a form that browsers play."""

import subprocess
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.decode import decode, read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.masks import Mask, boxes
from anyanomaly_core.footage.probe import read_header
from anyanomaly_core.footage.sandbox import Limits

LIMITS = Limits(written_mb=64, threads=1)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
KINDS = {
    "long-gop.mp4": ("size=160x120:rate=25", (*X264, "-g", "250")),
    "closed.mkv": ("size=160x120:rate=25", (*X264, "-g", "25", "-bf", "0")),
    "broadcast.ts": ("size=160x120:rate=25", (*X264, "-g", "50", "-bf", "2")),
    "pictures.avi": ("size=160x120:rate=10", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2")),
    "old.avi": ("size=160x120:rate=25", ("-c:v", "mpeg4", "-g", "40", "-q:v", "2")),
    "recorder.avi": ("size=160x120:rate=25", (*X264, "-g", "30", "-bf", "0")),  # its packets have no presentation times
    "odd.mkv": ("size=151x113:rate=25", ("-c:v", "ffv1", "-pix_fmt", "yuv444p")),
    "bare.h264": ("size=160x120:rate=25", (*X264, "-g", "30", "-bf", "0")),
}


def film(path: Path, source: str, options: tuple[str, ...], *, seconds: float = 11, filters: str = "null") -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2={source}"]
    subprocess.run([*command, "-t", str(seconds), "-vf", filters, *options, str(path)], check=True)
    return path


def assert_same_frames(clip: Path, path: Path, first: int, last: int) -> None:
    """Every frame of the clip looks like its original, and less like the frames beside it."""
    images = [frame.image.astype(int) for frame in decode(clip, size=(150, 112))]
    assert len(images) == last - first + 1
    around = read_frames(path, range(max(0, first - 1), last + 2), size=(150, 112))
    for place in {0, len(images) // 2, len(images) - 1}:
        off = {n: np.abs(images[place] - around[n]).mean() for n in around if abs(n - first - place) <= 1}
        assert min(off, key=off.__getitem__) == first + place
        assert off[first + place] < 6


@pytest.mark.parametrize("name", KINDS)
def test_a_clip_has_exactly_the_frames_asked_for(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, *KINDS[name])
    index = index_frames(path)
    first, last = int(index.frame_count * 0.6), int(index.frame_count * 0.6) + 17
    clip = tmp_path / "clip.mp4"
    assert cut(path, ClipPart(index.times_s, first, last), clip, limits=LIMITS) == "encoded"
    header = read_header(clip)
    assert (header.codec, header.pixel_format) == ("h264", "yuv420p")
    assert_same_frames(clip, path, first, last)
    expected = index.times_s[first : last + 1] - index.times_s[first]
    np.testing.assert_allclose(index_frames(clip).times_s, expected, atol=2e-3)


def test_the_table_of_contents_stands_before_the_pictures(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *KINDS["long-gop.mp4"])
    clip = tmp_path / "clip.mp4"
    cut(path, ClipPart(index_frames(path).times_s, 3, 270), clip, limits=LIMITS)
    content = clip.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_h264_is_copied_only_where_the_clip_begins_and_ends_with_packets(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", *KINDS["closed.mkv"])
    times = index_frames(path).times_s
    clip = tmp_path / "clip.mp4"
    found = {}
    for first in (0, 49, 50, 51):
        found[first] = cut(path, ClipPart(times, first, first + 30), clip, limits=LIMITS)
        assert_same_frames(clip, path, first, first + 30)
    assert found == {0: "copied", 49: "encoded", 50: "copied", 51: "encoded"}
    cut(path, ClipPart(times, 50, 80), clip, limits=LIMITS)
    originals = read_frames(path, [50, 65, 80])
    copies = read_frames(clip, [0, 15, 30])
    assert all((copies[n - 50] == originals[n]).all() for n in originals)  # the very same pictures


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    uneven = "settb=1/1000,setpts='(N+0.4*mod(N,3))*40'"
    options = (*X264, "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    path = film(tmp_path / "a.mkv", "size=160x120:rate=25", options, filters=uneven)
    index = index_frames(path)
    clip = tmp_path / "clip.mp4"
    cut(path, ClipPart(index.times_s, 201, 240), clip, limits=LIMITS)
    assert_same_frames(clip, path, 201, 240)
    got, expected = index_frames(clip).times_s, index.times_s[201:241] - index.times_s[201]
    assert np.ptp(np.diff(expected)) > 0.01
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_damage_in_front_of_a_clip_does_not_shift_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", *KINDS["broadcast.ts"])
    content = bytearray(path.read_bytes())
    content[len(content) // 5 : len(content) // 5 + 9000] = bytes(9000)
    path.write_bytes(content)
    index = index_frames(path)
    assert index.damage
    clip = tmp_path / "clip.mp4"
    cut(path, ClipPart(index.times_s, 200, 230), clip, limits=LIMITS)
    assert_same_frames(clip, path, 200, 230)


def test_a_mask_is_drawn_and_forbids_copying(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *KINDS["long-gop.mp4"])
    mask = Mask((((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)),))
    clip = tmp_path / "clip.mp4"
    assert cut(path, ClipPart(index_frames(path).times_s, 0, 20, mask), clip, limits=LIMITS) == "encoded"
    [(x, y, w, h)] = boxes(mask, 160, 120)
    for frame in decode(clip):
        assert frame.image[y + 4 : y + h - 4, x + 4 : x + w - 4].max() < 12
        assert frame.image[:y].max() > 100


def test_a_clip_cannot_outgrow_its_limit(tmp_path: Path) -> None:
    noise = "noise=alls=90:allf=t"
    path = film(tmp_path / "a.mkv", "size=320x240:rate=25", ("-c:v", "ffv1"), filters=noise, seconds=3)
    with pytest.raises(FootageError, match="larger than the 1 MB allowed"):
        cut(path, ClipPart(index_frames(path).times_s, 0, 70), tmp_path / "c.mp4", limits=replace(LIMITS, written_mb=1))
    assert (tmp_path / "c.mp4").stat().st_size <= 1 << 20


def test_what_cannot_be_cut_is_said(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *KINDS["long-gop.mp4"], seconds=2)
    times = index_frames(path).times_s
    with pytest.raises(FootageError, match="no frames 3 to 50"):
        cut(path, ClipPart(times, 3, 50), tmp_path / "c.mp4", limits=LIMITS)
    path.write_text("#EXTM3U\nfile:///etc/passwd\n")
    with pytest.raises(UnreadableFootageError, match="text, not video"):
        cut(path, ClipPart(times, 3, 20), tmp_path / "c.mp4", limits=LIMITS)
