"""What a path states."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.layout import ANY_FOLDER, read_path

DEFAULT = "{camera}/{date}/{time}.{ext}"
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=40)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(lambda m: m.replace(microsecond=0))  # noqa: DTZ001


@given(names, moments, st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d"]), st.sampled_from(["%H-%M-%S", "%H%M%S"]))
def test_what_is_written_is_read(camera: str, at: datetime, date: str, time: str) -> None:
    stated = read_path(f"{camera}/{at.strftime(date)}/{at.strftime(time)}.mp4", DEFAULT, "UTC")
    assert stated.camera == camera
    assert stated.recorded_at == at.replace(tzinfo=UTC)


@given(st.text(max_size=60), st.sampled_from([DEFAULT, ANY_FOLDER, "{camera}_{datetime}.{ext}", "{any}{camera}.{ext}"]))
def test_any_path_is_read_or_states_nothing(path: str, layout: str) -> None:
    stated = read_path(path, layout, "Europe/Zurich")
    assert stated.camera is None or stated.camera in path
    assert stated.recorded_at is None or stated.recorded_at.tzinfo is not None


@pytest.mark.parametrize(
    ("path", "layout", "camera", "at"),
    [
        ("gate/2025-03-01/07-30-05.mp4", DEFAULT, "gate", "2025-03-01T07:30:05"),
        ("gate/2025-03-01/0730.mp4", DEFAULT, "gate", "2025-03-01T07:30:00"),
        ("gate/2025-02-30/07-30-05.mp4", DEFAULT, "gate", None),
        ("gate/2025-03-01/25-30-05.mp4", DEFAULT, "gate", None),
        ("gate/0000-03-01/07-30-05.mp4", DEFAULT, "gate", None),
        ("gate/clip.mp4", DEFAULT, None, None),
        ("x/gate/2025-03-01/07-30-05.mp4", DEFAULT, None, None),
        ("gate_20250301T073005.mkv", "{camera}_{datetime}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("nvr/ch01/a/b/c.dav", "{any}/{camera}/{path}", "ch01", None),
        ("vtest.avi", "{camera}.{ext}", "vtest", None),
        ("vtest.avi", ANY_FOLDER, "vtest", None),
        ("gate/clip.mp4", ANY_FOLDER, "gate", None),
        ("gate/2025-03-01/07-30-05.mp4", ANY_FOLDER, "gate", "2025-03-01T07:30:05"),
        ("a(b/2025-03-01/07-30-05.mp4", DEFAULT, "a(b", "2025-03-01T07:30:05"),
    ],
)
def test_layouts(path: str, layout: str, camera: str | None, at: str | None) -> None:
    stated = read_path(path, layout, "UTC")
    assert stated.camera == camera
    assert stated.recorded_at == (datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None)


def test_a_local_time_that_comes_twice_is_the_earlier() -> None:
    """Zurich 2025-10-26: 02:30 comes at 00:30 and again at 01:30 UTC."""
    stated = read_path("gate/2025-10-26/02-30-00.mp4", DEFAULT, "Europe/Zurich")
    assert stated.recorded_at is not None
    assert stated.recorded_at.astimezone(UTC) == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


def test_a_local_time_that_never_comes_goes_on_counting() -> None:
    """Zurich 2025-03-30: 02:30 does not exist; an unadjusted recorder means 01:30 UTC."""
    stated = read_path("gate/2025-03-30/02-30-00.mp4", DEFAULT, "Europe/Zurich")
    assert stated.recorded_at is not None
    assert stated.recorded_at.astimezone(UTC) == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)
    assert stated.recorded_at.tzinfo == ZoneInfo("Europe/Zurich")
    assert stated.recorded_at.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    ("layout", "fault"),
    [("{kamera}/{time}", "kamera"), ("{camera}/{camera}", "twice"), ("{datetime}/{date}", "twice")],
)
def test_a_wrong_layout_is_refused(layout: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        read_path("x", layout, "UTC")
