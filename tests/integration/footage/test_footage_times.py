"""Times of frames in files as recorders leave them: 100 frames, 4 s, and whatever was done to their times."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from anyanomaly_core.engine.batches import segment_batches
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.footage.examine import examine
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.nearby import read_nearby
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.footage.sources import with_recording_time
from anyanomaly_core.footage.timeline import duration, frame_rate
from anyanomaly_core.footage.types import FoundFile, FrameIndex
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scoring.smoothing import frame_scores
from tests.integration.footage.conftest import LEVELS, run_ffmpeg

TRUE = np.arange(100) * 0.04
GREY = f"color=black:size=160x120:rate=25:duration=4,{LEVELS}"
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-g", "25"]
LIMITS = Limits(threads=1, written_mb=20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key frame each second, no B-frames; the picture's grey tells its number."""
    path = tmp_path_factory.mktemp("times") / "base.mkv"
    run_ffmpeg("-f", "lavfi", "-i", GREY, *H264, "-bf", "0", str(path))
    return path


def remade(base: Path, name: str, *options: str) -> Path:
    """Packets of the base in another container."""
    path = base.with_name(name)
    bitstream = ["-bsf:v", "h264_mp4toannexb"] if name.endswith(("avi", "h264")) else []
    said = run_ffmpeg("-i", str(base), "-c", "copy", *bitstream, *options, str(path))
    assert path.exists(), said
    return path


def without_packets(base: Path, name: str, count: int) -> Path:
    """As ``remade``, but for the first packets: a recording that begins between key frames."""
    path = base.with_name(name)
    with av.open(str(base)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(source.streams.video[0])):
            if number >= count and packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def check(index: FrameIndex, times: Sequence[float] | np.ndarray, *holes: tuple[float, float]) -> None:
    np.testing.assert_allclose(index.times_s, times, atol=0.0011)  # some containers count milliseconds
    np.testing.assert_allclose(index.holes_s, np.array(holes).reshape(-1, 2), atol=0.0011)


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4", "x.ts", "x.flv", "x.avi", "x.mov"])
@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_a_hole_stays_in_every_container(tmp_path: Path, name: str, b_frames: str) -> None:
    """Frames 60 on come 68 s later, in the middle of a group of pictures."""
    path = tmp_path / name
    shifted = f"{GREY},setpts=PTS+if(gte(N\\,60)\\,68/TB\\,0)"
    run_ffmpeg("-f", "lavfi", "-i", shifted, "-fps_mode", "passthrough", *H264, "-bf", b_frames, str(path))
    index = index_frames(path)
    check(index, TRUE + 68 * (np.arange(100) >= 60), (2.4, 70.4))
    assert index.complete
    assert "1 hole(s) of 68.00 s" in index.damage[-1]
    assert frame_rate(index.times_s, probe(path).fps) == 25
    # What is cut, and what is looked for, is found where the index says.
    part = ClipPart(index.times_s, 70, 80)
    cut(path, part, clip := tmp_path / "clip.mp4", limits=LIMITS)
    np.testing.assert_allclose(index_frames(clip).times_s, np.arange(11) * 0.04, atol=1e-3)
    near, plain = read_nearby(path, index.times_s, [75], limits=LIMITS), read_frames(path, [75], limits=LIMITS)
    np.testing.assert_array_equal(near[75], plain[75])


@pytest.mark.parametrize("places", [(30,), (0,), (99,), (10, 30, 31, 60)], ids=str)
def test_wrong_times_in_a_stream(base: Path, places: tuple[int, ...]) -> None:
    """FLV, as cameras send it by RTMP: frames stamped 37,600 s too late."""
    content = bytearray(remade(base, "x.flv").read_bytes())
    place, number = 13, 0
    while place + 11 <= len(content):
        if content[place] == 9 and content[place + 12] == 1:  # a tag of video that is no header
            if number in places:
                stamp = int.from_bytes(content[place + 4 : place + 7], "big") + 37_600_000
                content[place + 4 : place + 7], content[place + 7] = (stamp & 0xFFFFFF).to_bytes(3, "big"), stamp >> 24
            number += 1
        place += 15 + int.from_bytes(content[place + 1 : place + 4], "big")
    path = base.with_name("wrong.flv")
    path.write_bytes(content)
    index = index_frames(path)
    check(index, TRUE)
    assert index.damage == (
        f"{len(places)} frame(s) state a wrong time, outside that of their neighbours; they were laid between these",
    )
    assert index.complete


@pytest.mark.parametrize("name", ["x.mkv", "x.ts"])
def test_two_recordings_in_one_file(base: Path, name: str) -> None:
    once = base if name.endswith("mkv") else remade(base, "once.ts")
    path = base.with_name(f"twice-{name}")
    path.write_bytes(once.read_bytes() * 2)
    index = index_frames(path)
    check(index, np.arange(200) * 0.04)
    assert index.damage[-1].startswith("the times begin again or leap 1 time(s)")
    assert not index.as_stated
    # Frame 110 states the same time as frame 10; it must not be taken for it.
    near = read_nearby(path, index.times_s, [110, 190], as_stated=False, limits=LIMITS)
    plain = read_frames(path, [110, 190], limits=LIMITS)
    assert all(np.array_equal(near[number], plain[number]) for number in (110, 190))
    part = ClipPart(index.times_s, 105, 115, as_stated=False)
    clip = base.with_name("clip.mp4")
    assert cut(path, part, clip, limits=LIMITS) == "encoded"
    np.testing.assert_allclose(index_frames(clip).times_s, np.arange(11) * 0.04, atol=1e-3)


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4", "x.ts", "x.flv"])
def test_a_file_that_begins_between_key_frames(base: Path, name: str) -> None:
    """Ten packets are gone, fifteen more cannot be decoded: the file begins 0.6 s before its first frame."""
    path = without_packets(base, name, 10)
    index = index_frames(path)
    check(index, TRUE[25:] - 0.4, (0, 0.6))
    assert not index.complete
    assert "the first 0.60 s cannot be decoded" in index.damage[-1]
    assert duration(index.times_s, Fraction(0)) == pytest.approx(3.6)
    cut(path, ClipPart(index.times_s, 30, 40), clip := base.with_name("clip.mp4"), limits=LIMITS)
    np.testing.assert_allclose(index_frames(clip).times_s, np.arange(11) * 0.04, atol=1e-3)


WHOLE = {
    "starts-at-47.mkv": ["-output_ts_offset", "47"],
    "starts-at-47.ts": ["-output_ts_offset", "47"],
    "wall-clock.mkv": ["-output_ts_offset", "1740837600"],
    "wall-clock.mp4": ["-output_ts_offset", "1740837600"],
    "wraps.ts": ["-output_ts_offset", "95441.7"],  # MPEG's clock begins again after 95,443.7 s
    "states-another-rate.avi": [],
    "bare.h264": [],  # its pictures state a rate
}


@pytest.mark.parametrize("name", WHOLE)
def test_when_whole_files_were_recorded(base: Path, name: str) -> None:
    """100 frames, so 4 s, whatever the header says, and its last change was their end."""
    path = remade(base, name, *WHOLE[name])
    index = index_frames(path)
    check(index, TRUE)
    assert (index.damage, index.complete) == ((), True)
    assert frame_rate(index.times_s, probe(path).fps) == 25
    begins(path, datetime(2026, 11, 1, 11, 59, 56, tzinfo=UTC))


@pytest.mark.parametrize(("name", "read"), [("once.mp4", 100), ("once.flv", 100), ("parts.mp4", 175)])
def test_of_recordings_joined_byte_for_byte_the_second_is_missed(base: Path, name: str, read: int) -> None:
    fragments = ("-movflags", "frag_keyframe+empty_moov+default_base_moof") if name == "parts.mp4" else ()
    once = remade(base, name, *fragments)
    alone = index_frames(once)
    assert alone.complete
    assert len(alone.times_s) == 100
    twice = once.with_stem(f"twice-{once.stem}")
    twice.write_bytes(once.read_bytes() * 2)
    index = index_frames(twice)
    assert len(index.times_s) == read
    assert not index.complete
    assert f"another recording begins at byte {once.stat().st_size}," in index.damage[-1]


def test_sound_may_go_on(base: Path) -> None:
    path = base.with_name("sound.mkv")
    sound = ["-f", "lavfi", "-i", "sine=duration=30:sample_rate=8000", "-c:v", "copy", "-c:a", "pcm_alaw"]
    run_ffmpeg("-i", str(base), *sound, str(path))
    assert index_frames(path).complete
    begins(path, datetime(2026, 11, 1, 11, 59, 56, tzinfo=UTC))
    # The same, cut off in the middle of its sound and then of its pictures: now something is missing.
    content = path.read_bytes()
    cut_off = path.with_name("cut.mkv")
    cut_off.write_bytes(content[: len(content) * 3 // 4])
    index = index_frames(cut_off)
    assert not index.complete
    assert "the container states 30.00 s" in index.damage[-1]


def begins(path: Path, expected: datetime) -> None:
    ended = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
    os.utime(path, (ended, ended))
    found = with_recording_time(FoundFile(path.name, 1, ended, "gate", None, None), path, "modified")
    assert found.recorded_at == expected


SLOW = f"color=black:size=160x120:rate=10:duration=6,{LEVELS}"


def test_the_true_rate_decides_what_is_sampled(base: Path, tmp_path: Path) -> None:
    """AVI states 600 frames a second for 25, a bare stream of 10 passes for 25: 8 a second are sampled, or all."""
    avi = remade(base, "states-600.avi")
    with av.open(str(avi)) as container:
        assert container.streams.video[0].average_rate > 500, "the file no longer shows the fault"
    slow = tmp_path / "slow.h264"
    run_ffmpeg("-f", "lavfi", "-i", SLOW, *H264, "-bf", "0", str(slow))
    default = load_profile("default").sampling
    for path, step, spans in ((avi, 3, [72, 28]), (slow, 1, [24, 24, 12])):
        file = examine(path, "", LIMITS)
        segments = split_into_segments(file.pace, default)
        assert [segment.frame_count for segment in segments] == spans
        assert [n for segment in segments for n in segment.sampled] == list(range(0, sum(spans), step))
        # What is asked of the decoder is what comes out of it, over all segments.
        batches = segment_batches(path, segments, size=(32, 24), limits=LIMITS)
        assert [len(s.images) for batch in batches for s in batch] == [len(s.sampled) for s in segments]


def test_five_and_twenty_five_frames_a_second_are_smoothed_alike(tmp_path: Path) -> None:
    """The same scene in two files, white from second 19 to 29: as a curve over time the scores are the same."""
    curves = {}
    for rate in (5, 25):
        path = tmp_path / f"{rate}.mp4"
        scene = (
            f"color=black:size=160x120:rate={rate}:duration=40,drawbox=t=fill:c=white:enable='between(t,18.99,28.99)'"
        )
        run_ffmpeg("-f", "lavfi", "-i", scene, "-c:v", "libx264", "-preset", "ultrafast", str(path))
        file = examine(path, "", LIMITS)
        segments = split_into_segments(file.pace, load_profile("default").sampling)
        assert all(segment.frame_count <= 3.2 * rate for segment in segments)
        frames = (frame for batch in segment_batches(path, segments, size=None, limits=LIMITS) for frame in batch)
        white = [float(np.mean([image.mean() > 128 for image in segment.images])) for segment in frames]
        assert file.index is not None
        scores = frame_scores(segments, white, file.pace, load_profile("default").scoring.smoothing)
        curves[rate] = np.interp(np.arange(40), file.index.times_s, scores)
        assert scores.max() > 0.9
        over = file.index.times_s[scores >= 0.5]
        assert (over[0], over[-1]) == (pytest.approx(19, abs=1.7), pytest.approx(29, abs=1.7))  # half a segment
    # Segments of 2.88 s and 3.2 s do not begin together; what is left of the difference is that.
    assert np.abs(curves[5] - curves[25]).mean() < 0.05


def test_what_an_edit_list_hides_is_not_lost(base: Path) -> None:
    path = base.with_name("edited.mp4")
    run_ffmpeg("-ss", "1.52", "-i", str(base), "-c", "copy", str(path))
    index = index_frames(path)
    check(index, TRUE[38:] - 1.52)
    assert (index.damage, index.complete) == ((), True)


def test_streams_without_a_clock(tmp_path: Path) -> None:
    """30 s at 3 a second; nothing in the file says so."""
    path = tmp_path / "x.h265"
    plain = "log-level=error:vui-timing-info=0:bframes=0"
    source = "testsrc2=size=160x120:rate=3:duration=30"
    run_ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx265", "-x265-params", plain, "-f", "hevc", str(path))
    assumed, configured = index_frames(path), index_frames(path, fps_without_clock=3)
    check(assumed, np.arange(90) / 25)
    assert "25 frames a second were assumed; ANYANOMALY_FPS_WITHOUT_CLOCK" in assumed.damage[0]
    check(configured, np.arange(90) / 3)
    assert configured.damage == (
        "the file states neither times nor a rate: 3 frames a second were assumed as configured",
    )
    assert not configured.as_stated
    jpegs = tmp_path / "x.mjpeg"
    run_ffmpeg("-f", "lavfi", "-i", source, "-c:v", "mjpeg", str(jpegs))
    check(index_frames(jpegs, fps_without_clock=3), np.arange(90) / 3)
    told = tmp_path / "told.h264"  # here the pictures say it
    run_ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", str(told))
    check(index_frames(told, fps_without_clock=10), np.arange(90) / 3)
    assert index_frames(told).damage == ()
