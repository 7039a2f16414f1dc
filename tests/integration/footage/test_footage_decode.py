"""Frame numbers, times and pixels against pictures that tell their own number, and against a bare ffmpeg."""

import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage.command import executable
from anyanomaly_core.footage.decode import decode, read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sources import discover, with_recording_time
from tests.integration.footage.conftest import LEVELS, LOSSLESS, Make, bare_count, level, run_ffmpeg


def shown_number(image: np.ndarray) -> float:
    return float(image.mean() * 219 / 255 / 2)


@pytest.mark.parametrize(("first", "step"), [(0, 1), (0, 7), (1, 1), (13, 1), (13, 5), (99, 1), (50, 60)])
def test_numbers_are_those_of_the_pictures(numbered: Path, first: int, step: int) -> None:
    frames = list(decode(numbered, first_frame=first, step=step))
    assert [frame.number for frame in frames] == list(range(first, 100, step))
    for frame in frames:
        assert shown_number(frame.image) == pytest.approx(frame.number, abs=0.3)


def test_past_the_end_there_is_nothing(numbered: Path) -> None:
    assert list(decode(numbered, first_frame=100)) == []
    assert list(read_frames(numbered, [99, 100, 5, 5])) == [5, 99]
    assert read_frames(numbered, []) == {}


def test_single_frames_are_the_same_pixels(numbered: Path) -> None:
    streamed = {frame.number: frame.image for frame in decode(numbered, size=(31, 17))}
    many = list(range(0, 100, 1))
    picked = read_frames(numbered, many, size=(31, 17))
    assert list(picked) == many
    assert all((picked[n] == streamed[n]).all() for n in many)
    assert picked[0].shape == (17, 31, 3)


@pytest.mark.parametrize("arguments", [{"step": 0}, {"first_frame": -1}, {"size": (0, 4)}])
def test_impossible_arguments(numbered: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(FootageError, match="Cannot decode"):
        list(decode(numbered, **arguments))  # type: ignore[arg-type]
    with pytest.raises(FootageError, match="no frame -1"):
        read_frames(numbered, [-1])


def test_kept_images_do_not_change(numbered: Path) -> None:
    first, *_ = frames = list(decode(numbered, step=10))
    assert shown_number(first.image) == pytest.approx(0, abs=0.3)
    assert len({id(frame.image) for frame in frames}) == len(frames)


def test_closing_early_ends_the_decoder(make: Make) -> None:
    path = make("long.mp4", source="testsrc=size=320x240:rate=25:duration=60")
    frames = decode(path)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert "long.mp4" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


def test_variable_frame_rate_times_are_exact(make: Make) -> None:
    # Frame n lies at n*n/100 s; mp4 with a clock of 1/10000 s states that exactly.
    path = make(
        "vfr.mp4",
        "-vf", "settb=1/10000,setpts=100*N*N", "-fps_mode", "passthrough", "-enc_time_base", "1/10000",
        "-video_track_timescale", "10000", *LOSSLESS, "-bf", "2",
        source="testsrc=size=64x48:rate=10:duration=3",
    )  # fmt: skip
    index = index_frames(path)
    np.testing.assert_allclose(index.times_s, np.arange(30) ** 2 / 100, atol=1e-9)
    assert index.damage == ()
    assert index.complete


def test_a_late_start_counts_from_the_first_frame(make: Make) -> None:
    path = make("late.mkv", "-output_ts_offset", "3600", *LOSSLESS)
    index = index_frames(path)
    np.testing.assert_allclose(index.times_s, np.arange(30) / 10, atol=0.0011)  # Matroska counts milliseconds


def test_repeated_times_keep_every_frame(make: Make) -> None:
    path = make(
        "twins.avi", "-vf", "setpts=floor(N/2)*2", "-fps_mode", "passthrough", "-c:v", "rawvideo", "-f", "nut",
    )  # fmt: skip
    index = index_frames(path)
    assert index.frame_count == bare_count(path) == 30
    assert [frame.number for frame in decode(path)] == list(range(30))
    assert np.all(np.diff(index.times_s) >= 0)


@pytest.mark.parametrize(("angle", "clockwise"), [(90, 270), (180, 180), (270, 90), (0, 0)])
@pytest.mark.parametrize("mirror", [False, True])
def test_rotation_as_displayed(make: Make, tmp_path: Path, angle: int, clockwise: int, mirror: bool) -> None:
    plain = make("plain.mp4", *LOSSLESS, "-pix_fmt", "yuv444p", source="testsrc=size=64x48:rate=10:duration=0.5")
    path = tmp_path / "turned.mp4"
    flip = ["-display_hflip"] if mirror else []
    run_ffmpeg("-display_rotation", str(angle), *flip, "-i", str(plain), "-c", "copy", str(path))
    header = probe(path)
    if not mirror:
        assert header.rotation == clockwise
    turned = header.rotation in {90, 270}
    assert (header.width, header.height) == ((48, 64) if turned else (64, 48))
    command = [executable(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    theirs = np.frombuffer(raw, np.uint8).reshape(-1, header.height, header.width, 3)
    ours = np.stack([frame.image for frame in decode(path)])
    assert np.abs(ours.astype(int) - theirs).mean() < 0.5


def test_size_change_in_the_stream_keeps_numbers(make: Make, tmp_path: Path) -> None:
    parts = [
        make(f"{width}.h264", *LOSSLESS, "-pix_fmt", "yuv420p", source=source)
        for width, source in (
            (64, f"color=black:size=64x48:rate=25:duration=1,{LEVELS}"),
            (96, f"color=black:size=96x80:rate=25:duration=1,{LEVELS}"),
        )
    ]
    path = tmp_path / "change.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert index_frames(path).frame_count == bare_count(path) == 50
    frames = list(decode(path, step=3, first_frame=1))
    assert [frame.number for frame in frames] == list(range(1, 50, 3))
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    for frame in frames:
        assert frame.image.mean() == pytest.approx(level(frame.number % 25), abs=1.5)


def test_edit_list_hides_what_ffmpeg_hides(make: Make, tmp_path: Path) -> None:
    source = f"color=black:size=64x48:rate=25:duration=4,{LEVELS}"
    whole = make("gop.mp4", *LOSSLESS, "-g", "50", "-pix_fmt", "yuv420p", source=source)
    path = tmp_path / "cut.mp4"
    run_ffmpeg("-ss", "2.4", "-i", str(whole), "-c", "copy", str(path))
    index = index_frames(path)
    assert index.frame_count == bare_count(path) == 40
    assert index.complete
    assert shown_number(next(decode(path)).image) == pytest.approx(60, abs=0.3)


ENCODINGS = {
    "odd.avi": ["-c:v", "mjpeg", "-vf", "scale=35:21"],
    "one.mp4": ["-frames:v", "1", "-c:v", "libx264"],
    "tenbit.mkv": ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"],
    "interlaced.ts": ["-c:v", "mpeg2video", "-flags", "+ilme+ildct"],
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=none"],
    "av1.mkv": ["-c:v", "libsvtav1", "-preset", "12"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-bf", "2"],
    "wmv.asf": ["-c:v", "wmv2"],
    "bare.h264": ["-c:v", "libx264", "-bf", "3"],
    "slow.mp4": ["-c:v", "libx264", "-vf", "settb=1/1000,setpts=N*3600*1000", "-fps_mode", "passthrough"],
    "fast.mkv": ["-c:v", "libx264", "-vf", "settb=1/1000,setpts=N", "-fps_mode", "passthrough"],
    "grey.avi": ["-c:v", "ffv1", "-pix_fmt", "gray"],
    "wrong.mkv.mp4": ["-c:v", "libx264", "-f", "matroska"],
    "sound.mp4": ["-f", "lavfi", "-i", "sine=duration=3", "-c:v", "libx264", "-c:a", "aac"],
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_kinds_of_video(make: Make, name: str) -> None:
    path = make(name, *ENCODINGS[name])
    index, header = index_frames(path), probe(path)
    assert index.frame_count == bare_count(path) > 0
    assert index.complete
    assert [line[:30] for line in index.damage] == (["all frames state the same time"] if name == "fast.mkv" else [])
    frames = list(decode(path, step=2))
    assert [frame.number for frame in frames] == list(range(0, index.frame_count, 2))
    assert frames[0].image.shape == (header.height, header.width, 3)
    assert len(index.motion) == index.frame_count
    assert index.motion[0] == 0
    assert all(a <= b for a, b in pairwise(index.times_s))


def test_the_first_of_several_video_streams(make: Make, tmp_path: Path) -> None:
    small, large = make("small.mp4", "-t", "1"), make("large.mp4", source="testsrc=size=320x240:rate=10:duration=2")
    path = tmp_path / "two.mkv"
    run_ffmpeg("-i", str(small), "-i", str(large), "-map", "0", "-map", "1", "-c", "copy", str(path))
    assert index_frames(path).frame_count == 10
    assert probe(path).width == 160
    assert next(decode(path)).image.shape == (120, 160, 3)


def test_a_video_without_pictures_says_so(make: Make, tmp_path: Path) -> None:
    sound = make("sound.mp4", "-c:a", "aac", source="sine=duration=1")
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("Überwachung\n" * 100, encoding="utf-8")
    for path, reason in ((sound, "no video stream"), (empty, "is empty"), (text, "is text, not video")):
        for look in (index_frames, probe, lambda p: list(decode(p))):
            with pytest.raises(UnreadableFootageError, match=reason):
                look(path)
    with pytest.raises(FootageError, match="cannot be opened"):
        index_frames(tmp_path / "absent.mp4")


def test_a_decoder_off_the_list_is_named(make: Make) -> None:
    path = make("gif.mkv", "-c:v", "zmbv")
    with pytest.raises(UnreadableFootageError, match="zmbv, which is not among the decoders"):
        index_frames(path)


def test_recording_time_from_the_container(make: Make, tmp_path: Path) -> None:
    path = make("gate.mp4", "-metadata", "creation_time=2025-03-01T07:30:00Z")
    (file,) = discover(str(tmp_path), "{camera}.{ext}", "UTC")
    timed = with_recording_time(file, path, "refuse")
    expected = (datetime(2025, 3, 1, 7, 30, tzinfo=UTC), "container", None)
    assert (timed.recorded_at, timed.recorded_at_source, timed.problem) == expected
