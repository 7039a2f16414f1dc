"""A video is scored whole, whatever happens on the way, and never twice."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from anyanomaly_core.errors import ModelServerError
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.scanning.journal import Journal
from anyanomaly_core.scanning.stream import MAX_BATCH_SEGMENTS, prefetched, scaled_size
from anyanomaly_core.scanning.video import VideoToScore, score_video
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status

RULES = (RuleTexts(1, "a", ("a",)), RuleTexts(2, "b", ("b",)))
FRAMES, N, STEP = 250, 4, 3


class Brightness:
    """Scores a segment by its mean brightness; dies after some batches when told to."""

    def __init__(self, batches: int = 10**9) -> None:
        self.left = batches
        self.seen: list[int] = []

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        if self.left == 0:
            raise ModelServerError("killed")
        self.left -= 1
        rows = []
        for segment in segments:
            assert len(segment.images) == len(segment.segment.sampled)
            self.seen.append(segment.segment.index)
            value = float(np.mean([image.mean() for image in segment.images]) / 255)
            rows += [SegmentScore(segment.segment.index, r.rule_version_id, Status.SCORED, score=value) for r in rules]
        return rows


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("footage") / "brighter.mp4"
    lavfi = f"color=black:s=64x48:r=10:d={FRAMES / 10},format=yuv420p,geq=lum='N':cb=128:cr=128"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", lavfi, "-qp", "1", str(target)], check=True)
    return target


@pytest.fixture
def video(path: Path) -> VideoToScore:
    count = index_frames(path).frame_count
    assert count == FRAMES
    return VideoToScore(path, tuple(split_into_segments(count, N, STEP)), STEP, None)


def score(video: VideoToScore, scorer: Brightness, folder: Path) -> list[SegmentScore]:
    with Journal(folder, "k") as journal:
        return score_video(video, RULES, scorer, journal, limits=Limits())


def test_every_segment_has_a_row_for_every_rule_made_of_its_own_frames(video: VideoToScore, tmp_path: Path) -> None:
    rows = score(video, Brightness(), tmp_path)
    expected = [(segment.index, rule) for segment in video.segments for rule in (1, 2)]
    assert [(row.segment_index, row.rule_version_id) for row in rows] == expected
    for row in rows[::2]:  # frame n has luma n, of the limited range 16..235
        luma = np.mean(video.segments[row.segment_index].sampled)
        assert row.score == pytest.approx(np.clip((luma - 16) / 219, 0, 1), abs=0.02)


def test_a_killed_try_is_taken_over_and_nothing_is_scored_twice(video: VideoToScore, tmp_path: Path) -> None:
    whole = score(video, Brightness(), tmp_path / "whole")
    first, second = Brightness(batches=2), Brightness()
    with pytest.raises(ModelServerError):
        score(video, first, tmp_path / "cut")
    assert score(video, second, tmp_path / "cut") == whole
    assert first.seen == list(range(2 * MAX_BATCH_SEGMENTS))
    assert second.seen == list(range(2 * MAX_BATCH_SEGMENTS, len(video.segments)))


def test_frames_that_no_longer_decode_fail_with_a_reason(video: VideoToScore, tmp_path: Path) -> None:
    longer = VideoToScore(video.path, tuple(split_into_segments(FRAMES + 60, N, STEP)), STEP, None)
    rows = score(longer, Brightness(), tmp_path)
    failed = [row for row in rows if row.status is Status.FAILED]
    assert len(rows) == 2 * len(longer.segments)
    assert {row.segment_index for row in failed} == {s.index for s in longer.segments if s.sampled[-1] >= FRAMES}
    assert all("fewer frames" in (row.reason or "") and row.score is None for row in failed)


def test_a_file_that_is_gone_fails_every_segment(video: VideoToScore, tmp_path: Path) -> None:
    gone = VideoToScore(tmp_path / "gone.mp4", video.segments, STEP, None)
    rows = score(gone, Brightness(), tmp_path)
    assert {row.status for row in rows} == {Status.FAILED}
    assert len(rows) == 2 * len(video.segments)


def test_prefetch_gives_items_before_the_error_and_stops_its_source() -> None:
    def items() -> object:
        yield from (1, 2)
        raise ValueError("broken")

    got = []
    with pytest.raises(ValueError, match="broken"):
        got.extend(prefetched(items()))  # type: ignore[arg-type]
    taken = prefetched(iter(range(10**9)))
    assert [next(taken), next(taken)] == [0, 1]
    taken.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("size", "expected"), [((1920, 1080), (1024, 576)), ((640, 480), None), ((100, 4000), (26, 1024)), ((0, 0), None)]
)
def test_scaled_size(size: tuple[int, int], expected: tuple[int, int] | None) -> None:
    assert scaled_size(*size, 1024) == expected
