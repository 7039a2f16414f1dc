"""A video is scored whole, whatever happens on the way, and never twice."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from anyanomaly_core.engine.batches import MAX_BATCH_SEGMENTS, prefetch, scaled_size
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.segment_scores import iter_segment_scores, sort_by_segment
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import ModelServerError
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status
from tests.steady import steady_segments

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
def video(path: Path) -> SegmentedVideo:
    count = index_frames(path).frame_count
    assert count == FRAMES
    return SegmentedVideo(path, tuple(steady_segments(count, N, STEP)), None)


def score(video: SegmentedVideo, scorer: Brightness, folder: Path) -> list[SegmentScore]:
    with Journal(folder, "k") as journal:
        return sort_by_segment(video, iter_segment_scores(video, RULES, scorer, journal, limits=Limits()))


def test_every_segment_has_a_row_for_every_rule_made_of_its_own_frames(video: SegmentedVideo, tmp_path: Path) -> None:
    rows = score(video, Brightness(), tmp_path)
    expected = [(segment.index, rule) for segment in video.segments for rule in (1, 2)]
    assert [(row.segment_index, row.rule_version_id) for row in rows] == expected
    for row in rows[::2]:  # frame n has luma n, of the limited range 16..235
        luma = np.mean(video.segments[row.segment_index].sampled)
        assert row.score == pytest.approx(np.clip((luma - 16) / 219, 0, 1), abs=0.02)


def test_a_killed_try_is_taken_over_and_nothing_is_scored_twice(video: SegmentedVideo, tmp_path: Path) -> None:
    whole = score(video, Brightness(), tmp_path / "whole")
    first, second = Brightness(batches=2), Brightness()
    with pytest.raises(ModelServerError):
        score(video, first, tmp_path / "cut")
    assert score(video, second, tmp_path / "cut") == whole
    assert first.seen == list(range(2 * MAX_BATCH_SEGMENTS))
    assert second.seen == list(range(2 * MAX_BATCH_SEGMENTS, len(video.segments)))


def test_frames_that_no_longer_decode_fail_with_a_reason(video: SegmentedVideo, tmp_path: Path) -> None:
    longer = SegmentedVideo(video.path, tuple(steady_segments(FRAMES + 60, N, STEP)), None)
    rows = score(longer, Brightness(), tmp_path)
    failed = [row for row in rows if row.status is Status.FAILED]
    assert len(rows) == 2 * len(longer.segments)
    assert {row.segment_index for row in failed} == {s.index for s in longer.segments if s.sampled[-1] >= FRAMES}
    assert all("fewer frames" in (row.reason or "") and row.score is None for row in failed)


def test_a_file_that_is_gone_fails_every_segment(video: SegmentedVideo, tmp_path: Path) -> None:
    gone = SegmentedVideo(tmp_path / "gone.mp4", video.segments, None)
    rows = score(gone, Brightness(), tmp_path)
    assert {row.status for row in rows} == {Status.FAILED}
    assert len(rows) == 2 * len(video.segments)


def test_prefetch_gives_items_before_the_error_and_stops_its_source() -> None:
    def items() -> object:
        yield from (1, 2)
        raise ValueError("broken")

    got = []
    with pytest.raises(ValueError, match="broken"):
        got.extend(prefetch(items()))  # type: ignore[arg-type]
    taken = prefetch(iter(range(10**9)))
    assert [next(taken), next(taken)] == [0, 1]
    taken.close()  # type: ignore[attr-defined]


def test_prefetch_makes_one_item_ahead_and_no_more() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = []
    for number in prefetch(items()):
        time.sleep(0.002)
        ahead.append(made[-1] - number)
    assert max(ahead) == 1


@pytest.mark.parametrize(
    ("size", "expected"), [((1920, 1080), (1024, 576)), ((640, 480), None), ((100, 4000), (26, 1024)), ((0, 0), None)]
)
def test_scaled_size(size: tuple[int, int], expected: tuple[int, int] | None) -> None:
    assert scaled_size(*size, 1024) == expected


class Last(Brightness):
    """As Brightness; the answers for rule 2 fail in the segments it is told."""

    def __init__(self, failing: Sequence[int] = (), batches: int = 10**9) -> None:
        super().__init__(batches)
        self.failing, self.asked = set(failing), []  # type: ignore[var-annotated]

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        rows = super().score(segments, rules)
        self.asked += [(row.segment_index, row.rule_version_id) for row in rows]
        return [
            SegmentScore(row.segment_index, row.rule_version_id, Status.FAILED, reason="no answer")
            if row.segment_index in self.failing and row.rule_version_id == 2
            else row
            for row in rows
        ]


@pytest.fixture(scope="module")
def static_video(tmp_path_factory: pytest.TempPathFactory) -> SegmentedVideo:
    """40 segments of 4: grey; from frame 60 a white square; from 100 it moves; from 120 grey and slowly darker."""
    target = tmp_path_factory.mktemp("static") / "still.mp4"
    frames = np.full((160, 96, 128, 3), 120, np.uint8)
    frames[60:100, 30:50, 60:80] = 220
    for n in range(100, 120):
        frames[n, 30:50, n - 40 : n - 20] = 220
    for n in range(120, 160):
        frames[n] = 120 - (n - 120) // 2
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    command = [ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "128x96", "-r", "10", "-i", "-"]
    subprocess.run([*command, "-qp", "4", "-pix_fmt", "yuv444p", str(target)], input=frames.tobytes(), check=True)
    return SegmentedVideo(target, tuple(steady_segments(160, N)), None, static_level=6.0)


def test_a_static_scene_is_judged_once_and_a_slow_change_is_not_missed(
    static_video: SegmentedVideo, tmp_path: Path
) -> None:
    scorer = Last()
    rows = score(static_video, scorer, tmp_path)
    assert scorer.seen[:3] == [0, 15, 25]  # grey, the square, its first move
    assert set(range(25, 30)) <= set(scorer.seen)  # while it moves
    assert 3 <= len([index for index in scorer.seen if index >= 30]) <= 6  # 20 levels darker, 6 at a time
    by_index = {row.segment_index: row for row in rows if row.rule_version_id == 1}
    for index, row in by_index.items():
        if index in scorer.seen:
            assert row.status is Status.SCORED
        else:
            source = max(seen for seen in scorer.seen if seen < index)
            assert (row.status, row.score) == (Status.CARRIED, by_index[source].score)
            assert row.reason == f"static scene: taken over from segment {source}"
            assert (row.key_frame, row.grid_frames, row.window) == (None, (), None)


def test_a_failed_answer_is_not_taken_over_but_asked_again(static_video: SegmentedVideo, tmp_path: Path) -> None:
    scorer = Last(failing=[0, 1, 2, 15])
    rows = score(static_video, scorer, tmp_path)
    status = {(row.segment_index, row.rule_version_id): row.status for row in rows}
    assert [status[index, 2] for index in range(5)] == [Status.FAILED] * 3 + [Status.SCORED, Status.CARRIED]
    assert [status[index, 1] for index in range(5)] == [Status.SCORED] + [Status.CARRIED] * 4
    assert [asked for asked in scorer.asked if asked[0] < 5] == [(0, 1), (0, 2), (1, 2), (2, 2), (3, 2)]


@pytest.mark.parametrize("batches", range(1, 8))
def test_a_killed_try_carries_as_an_uninterrupted_one(
    static_video: SegmentedVideo, tmp_path: Path, batches: int
) -> None:
    failing = [0, 1, 15, 16]
    whole = score(static_video, Last(failing), tmp_path / "whole")
    with pytest.raises(ModelServerError):
        score(static_video, Last(failing, batches=batches), tmp_path / "cut")
    assert score(static_video, Last(failing), tmp_path / "cut") == whole


def test_nothing_is_carried_where_the_profile_says_so(static_video: SegmentedVideo, tmp_path: Path) -> None:
    rows = score(replace(static_video, static_level=0.0), Last(), tmp_path)
    assert {row.status for row in rows} == {Status.SCORED}
