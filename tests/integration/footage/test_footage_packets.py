"""Original packets of a part of a file: byte for byte, from key frame to key frame, whatever the container."""

import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import pytest

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.command import executable
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.packets import copy_packets
from anyanomaly_core.footage.sandbox import Limits

SIGNATURE = b"the camera signed this"
H264 = ("-c:v", "libx264", "-g", "30", "-bf", "2", "-pix_fmt", "yuv420p")
KINDS = {
    "plain.mp4": H264,
    "plain.ts": H264,
    "open-gop.mp4": (*H264, "-x264-params", "open-gop=1"),
    "fragmented.mp4": (*H264, "-movflags", "frag_keyframe+empty_moov"),
    "motion-jpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-g", "15"),
    "hevc.mov": ("-c:v", "libx265", "-x265-params", "log-level=none:keyint=30", "-pix_fmt", "yuv420p"),
}
SIGNED = ("signed.mp4", "signed.mkv", "signed.ts", "signed.avi", "signed.h264")
LIMITS = Limits(threads=1, written_mb=20)
FIRST, LAST = 137, 170


def film(path: Path, *options: str, frames: int = 300) -> Path:
    source = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=15", "-frames:v", str(frames)]
    subprocess.run([executable(), "-v", "error", "-y", *source, *options, str(path)], check=True)
    return path


def film_signed(path: Path, *, frames: int = 300) -> Path:
    """As a camera with ONVIF Media Signing would write it: an SEI message of user data before each key frame."""
    plain = film(
        path.with_name("plain.h264"), "-c:v", "libx264", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", frames=frames
    )
    content = uuid4().bytes.replace(b"\0", b"\1") + SIGNATURE
    message = b"\x00\x00\x00\x01\x06\x05" + bytes([len(content)]) + content + b"\x80"  # ITU-T H.264, 7.3.2.3
    bare = path.with_name("signed.h264")
    picture = re.compile(rb"\x00\x00\x01\x65")  # a slice of an IDR picture
    bare.write_bytes(picture.sub(lambda found: message + found.group(), plain.read_bytes()))
    if path != bare:
        copy = ["-r", "15", "-i", str(bare), "-c", "copy", str(path)]
        subprocess.run([executable(), "-v", "error", "-y", *copy], check=True)
    return path


def packets_of(path: Path) -> list[tuple[bytes, bool, Any, Any]]:
    """(bytes, key frame, time of showing, time of decoding) of a file's video packets, read by PyAV."""
    with av.open(str(path)) as container:
        return [(bytes(p), p.is_keyframe, p.pts, p.dts) for p in container.demux(container.streams.video[0]) if p.size]


@pytest.mark.parametrize("name", [*KINDS, *SIGNED])
def test_packets_are_those_of_the_source_from_key_frame_to_key_frame(name: str, tmp_path: Path) -> None:
    path = film_signed(tmp_path / name) if name in SIGNED else film(tmp_path / name, *KINDS[name])
    times = index_frames(path).times_s
    target = tmp_path / "packets"
    copied = copy_packets(path, times, FIRST, LAST, target, limits=LIMITS)
    assert copied.suffix == {"mov": "mp4", "mpg": "mpeg"}.get(path.suffix[1:], path.suffix[1:])
    mine, source = packets_of(target), packets_of(path)
    begin = next(n for n in range(len(source)) if [p[0] for p in source[n : n + len(mine)]] == [p[0] for p in mine])
    last = begin + len(mine) - 1
    assert source[begin][1], "the first packet is a key frame"
    assert source[last][1], "so is the last"
    assert len(mine) <= len(source) // 2, "nothing is copied that is not needed"
    if path.suffix != ".h264":  # a bare stream has no times
        shown = sorted(pts if pts is not None else dts for _, _, pts, dts in source)
        at = [pts if pts is not None else dts for _, _, pts, dts in source]
        assert at[begin] <= shown[FIRST]
        key_frames_after = [n for n in range(begin, last + 1) if source[n][1] and at[n] > shown[LAST]]
        assert len(key_frames_after) == 2, "the group of pictures after the last frame is whole"
        assert copied.begin_s is not None
        assert copied.begin_s <= times[FIRST] + 1e-3
    if name in SIGNED:
        written = b"".join(data for data, *_ in mine)
        assert written.count(SIGNATURE) == sum(key for _, key, *_ in mine) >= 4


def test_the_begin_and_the_end_of_a_file_are_where_it_has_no_more(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *H264)
    times = index_frames(path).times_s
    copied = copy_packets(path, times, 0, len(times) - 1, tmp_path / "packets", limits=LIMITS)
    assert [data for data, *_ in packets_of(tmp_path / "packets")] == [data for data, *_ in packets_of(path)]
    assert len(copied.packets) == len(times)


def test_frames_at_times_that_no_packet_has_are_refused(tmp_path: Path) -> None:
    """As after a repair of broken times: nobody can say which packets the frames need."""
    path = film(tmp_path / "a.mp4", *H264)
    times = index_frames(path).times_s
    with pytest.raises(FootageError, match=r"'a\.mp4' cannot be copied: the times of its packets are not those"):
        copy_packets(path, times + 0.01 * (times > 5), FIRST, LAST, tmp_path / "packets", limits=LIMITS)


def test_what_cannot_be_opened_or_grows_too_large_is_said(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")
    times = index_frames(path).times_s
    with pytest.raises(FootageError, match=r"'a\.mp4' cannot be copied: "):
        copy_packets(path, times, 0, len(times) - 1, tmp_path / "packets", limits=Limits(threads=1, written_mb=1))
