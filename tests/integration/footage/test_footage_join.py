"""Clips of consecutive files as one: every picture is there, at the time at which it was recorded."""

from pathlib import Path

import numpy as np
import pytest

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.join import JoinedPart, join
from tests.integration.footage.test_footage_cut import LIMITS, X264, film


def test_clips_of_other_codec_rate_and_size_keep_their_times(tmp_path: Path) -> None:
    """50 frames of 2 s, 20 of another recorder setting half a second later, and 5 of the first."""
    large = film(tmp_path / "large.mp4", "size=160x120:rate=25", (*X264, "-bf", "2"), seconds=2)
    small = film(tmp_path / "small.avi", "size=81x60:rate=10", ("-c:v", "mpeg4", "-q:v", "2"), seconds=2)
    parts = []
    for number, (path, last, at_s) in enumerate(((large, 49, 0.0), (small, 19, 2.5), (large, 4, 4.5))):
        clip = tmp_path / f"{number}.mp4"
        cut(path, ClipPart(index_frames(path).times_s, 0, last), clip, limits=LIMITS)
        parts.append(JoinedPart(clip, at_s, last + 1))
    whole = tmp_path / "whole.mp4"
    join(parts, whole, limits=LIMITS)
    expected = np.concatenate([np.arange(50) / 25, 2.5 + np.arange(20) / 10, 4.5 + np.arange(5) / 25])
    assert index_frames(whole).times_s == pytest.approx(expected, abs=1e-4)
    images = [frame.image.astype(int) for frame in decode(whole)]
    assert {image.shape for image in images} == {(120, 160, 3)}
    for mine, theirs in ((images[49], list(decode(large))[49]), (images[-1], list(decode(large))[4])):
        assert np.abs(mine - theirs.image).mean() < 6
    assert not parts[0].clip.exists()


def test_a_clip_that_lacks_a_frame_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "size=160x120:rate=25", X264, seconds=1)
    with pytest.raises(FootageError, match="25 of 26 frames"):
        join([JoinedPart(path, 0.0, 26)], tmp_path / "whole.mp4", limits=LIMITS)
