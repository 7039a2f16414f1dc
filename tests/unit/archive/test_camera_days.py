"""How missing videos become the mapped tasks of a backfill."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.archive.backfill import group_by_camera_day
from anyanomaly_core.results.catalog import StoredVideo

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def video(number: int, camera: str, hours: int, zone: str = "UTC") -> StoredVideo:
    at = NOON + timedelta(hours=hours)
    return StoredVideo(
        number, f"{number:064x}", camera, zone, f"{camera}/{number}.mp4", at, "ready", 240, 9.6, Fraction(25)
    )


def names(*videos: StoredVideo, newest_first: bool = False, most: int = 1000) -> list[tuple[str, str, str, list[int]]]:
    in_order = sorted(videos, key=lambda v: v.recorded_at, reverse=newest_first)
    packed = group_by_camera_day(in_order, newest_first=newest_first, most=most)
    return [(p.camera, p.first_day, p.last_day, [v.video_id for v in p.videos]) for p in packed]


def test_a_task_is_a_camera_and_a_day_oldest_or_newest_first() -> None:
    videos = [video(1, "b", 0), video(2, "a", 30), video(3, "a", 0), video(4, "a", 1)]
    days = [("a", "2026-03-01", "2026-03-01", [3, 4]), ("b", "2026-03-01", "2026-03-01", [1])]
    assert names(*videos) == [*days, ("a", "2026-03-02", "2026-03-02", [2])]
    assert [(p[0], p[3]) for p in names(*videos, newest_first=True)] == [("a", [2]), ("b", [1]), ("a", [4, 3])]


def test_a_day_is_that_of_the_camera() -> None:
    evening = [video(1, "tokyo", 2, "Asia/Tokyo"), video(2, "tokyo", 4, "Asia/Tokyo")]  # 23 and 1 o'clock there
    assert [p[1] for p in names(*evening)] == ["2026-03-01", "2026-03-02"]


def test_very_many_days_share_tasks() -> None:
    videos = [video(n, camera, 24 * n) for n in range(10) for camera in ("a", "b")]
    packed = names(*videos, most=4)
    assert [(p[0], p[1], p[2]) for p in packed] == [
        ("a", "2026-03-01", "2026-03-05"),
        ("b", "2026-03-01", "2026-03-05"),
        ("a", "2026-03-06", "2026-03-10"),
        ("b", "2026-03-06", "2026-03-10"),
    ]


@given(
    places=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=60),
    newest_first=st.booleans(),
    most=st.integers(3, 30),
)
def test_every_video_is_in_one_task(places: list[tuple[str, int]], newest_first: bool, most: int) -> None:
    videos = [video(number, camera, hours) for number, (camera, hours) in enumerate(places)]
    packed = names(*videos, newest_first=newest_first, most=most)
    assert sorted(n for p in packed for n in p[3]) == list(range(len(videos)))
    assert len(packed) <= most
    days = [p[1] for p in packed]
    assert days == sorted(days, reverse=newest_first)
    for camera, first, last, numbers in packed:
        assert all(videos[n].camera_id == camera and first <= videos[n].local_date <= last for n in numbers)
    spans = sorted((p[0], p[1], p[2]) for p in packed)
    for before, after in pairwise(spans):
        assert before[0] != after[0] or before[2] < after[1], "no day is in two tasks: two would score it twice"


def test_nothing_missing_is_no_task() -> None:
    assert names() == []
