"""What a path states, and what it does not."""

# ruff: noqa: E501  (names of files are not wrapped)

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.layout import ANY_FOLDER, read_path
from anyanomaly_core.footage.local_time import Zones

DEFAULT = "{camera}/{date}/{time}.{ext}"
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=40)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(lambda m: m.replace(microsecond=0))  # noqa: DTZ001


@given(names, moments, st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d"]), st.sampled_from(["%H-%M-%S", "%H%M%S"]))
def test_what_is_written_is_read(camera: str, at: datetime, date: str, time: str) -> None:
    stated = read_path(f"{camera}/{at.strftime(date)}/{at.strftime(time)}.mp4", DEFAULT, "UTC")
    assert stated.camera == camera
    assert stated.recorded_at == at.replace(tzinfo=UTC)


LAYOUTS = [
    DEFAULT,
    ANY_FOLDER,
    "{camera}_{datetime}.{ext}",
    "{any}{camera}.{ext}",
    "{any}_{time}_{any}{date}",
    "reolink",
]


@given(st.text(max_size=60), st.sampled_from(LAYOUTS))
def test_any_path_is_read_or_states_nothing(path: str, layout: str) -> None:
    stated = read_path(path, layout, "Europe/Zurich")
    assert stated.camera is None or stated.camera in path
    assert stated.recorded_at is None or stated.recorded_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("path", "layout", "camera", "at"),
    [
        ("gate/2025-03-01/07-30-05.mp4", DEFAULT, "gate", "2025-03-01T07:30:05"),
        ("gate/2025-03-01/0730.mp4", DEFAULT, "gate", "2025-03-01T07:30:00"),
        ("gate/2025-03-01/07-30-05.250.mp4", DEFAULT, "gate", "2025-03-01T07:30:05.250"),
        ("gate/2025-02-30/07-30-05.mp4", DEFAULT, "gate", None),
        ("gate/2025-03-01/25-30-05.mp4", DEFAULT, "gate", None),
        ("gate/0000-03-01/07-30-05.mp4", DEFAULT, "gate", None),
        ("gate/clip.mp4", DEFAULT, None, None),
        ("x/gate/2025-03-01/07-30-05.mp4", DEFAULT, None, None),
        ("gate_20250301T073005.mkv", "{camera}_{datetime}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate_20250301T073005Z.mkv", "{camera}_{datetime}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate_2025-03-01T07_30_05+01_00.mkv", "{camera}_{datetime}.{ext}", "gate", "2025-03-01T06:30:05"),
        ("gate.20250301_073005250.mp4", "{camera}.{datetime}.{ext}", "gate", "2025-03-01T07:30:05.250"),
        ("nvr/ch01/a/b/c.dav", "{any}/{camera}/{path}", "ch01", None),
        ("vtest.avi", "{camera}.{ext}", "vtest", None),
        ("vtest.avi", ANY_FOLDER, "vtest", None),
        ("gate/clip.mp4", ANY_FOLDER, "gate", None),
        ("gate/2025-03-01/07-30-05.mp4", ANY_FOLDER, "gate", "2025-03-01T07:30:05"),
        ("2025-03-01/07/gate/30.05.mp4", ANY_FOLDER, "gate", "2025-03-01T07:30:05"),
        ("2025-03-01/clip.mp4", ANY_FOLDER, None, None),  # a day is no camera
        ("a(b/2025-03-01/07-30-05.mp4", DEFAULT, "a(b", "2025-03-01T07:30:05"),
        ("2025/03/01/07/3005-gate.ps", "{year}/{month}/{day}/{hour}/{minute}{second}-{camera}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate 3-1-2025, 7.05.09 p.m..mp4", "{camera} {us_date}, {hour}.{minute}.{second} {ampm}.{ext}", "gate", "2025-03-01T19:05:09"),
        ("gate 1-3-2025 12.05.09AM.mp4", "{camera} {eu_date} {hour}.{minute}.{second}{ampm}.{ext}", "gate", "2025-03-01T00:05:09"),
        ("gate/1740814205.mp4", "{camera}/{epoch}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate/1740814205.5-1a2b.mp4", "{camera}/{epoch}-{hex}.{ext}", "gate", "2025-03-01T07:30:05.5"),
        ("gate_0_1740814205250.ubv", "{camera}_{number}_{epoch_ms}.{ext}", "gate", "2025-03-01T07:30:05.250"),
        ("nvr_ch2_20250301073005_20250301235960.dav", "{camera}_{channel}_{datetime}_{end_datetime}.{ext}", "nvr-ch2", "2025-03-01T07:30:05"),
        ("2025-03-01/073005_080000_A1B2.mp4", "{date}/{time}_{end_time}_{hex}.{ext} as gate", "gate", "2025-03-01T07:30:05"),
        ("07/2025-03-01/30-05_gate_A1B2C3.mp4", "{hour}/{date}/{minute}-{second}_{camera}_{hex:6}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate/2025-03-01/07/30-05.mp4", "{camera}/{date}/{time}/{any}.{ext}", "gate", "2025-03-01T07:30:05"),
        ("gate/2025-03-01/07/clip.mp4", "{camera}/{date}/{time}/{any}.{ext}", None, None),
    ],
)  # fmt: skip
def test_layouts(path: str, layout: str, camera: str | None, at: str | None) -> None:
    stated = read_path(path, layout, "UTC")
    assert stated.camera == camera
    assert stated.recorded_at == (datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None)


# ---- two times ----


@given(moments, st.integers(0, 86399), st.binary(min_size=3, max_size=6), st.sampled_from("_-. "))
def test_the_end_the_serial_number_and_hexadecimal_digits_are_no_beginning(
    begin: datetime, seconds: int, serial: bytes, mark: str
) -> None:
    end = begin + timedelta(seconds=seconds)
    for layout, name in [
        (f"{{camera}}/{{any}}{mark}{{datetime}}{mark}{{any}}.{{ext}}", f"Rec{mark}%Y%m%d_%H%M%S{mark}{end:%H%M%S}"),
        (f"{{camera}}/{{datetime}}{mark}{{any}}.{{ext}}", f"%Y%m%dT%H%M%S{mark}{end:%Y%m%dT%H%M%S}"),
        (f"{{camera}}/{{any}}{mark}{{datetime}}.{{ext}}", f"{end:%Y%m%d_%H%M%S}{mark}%Y%m%d_%H%M%S"),
        ("{camera}/{any}{datetime}{any}.{ext}", f"%Y-%m-%d_%H-%M-%S_{end:%Y-%m-%d_%H-%M-%S}"),
        ("{camera}/{any}_{date}_{time}_{any}.{ext}", f"{serial.hex()}_%Y%m%d_%H%M%S_{end:%H%M%S}"),
    ]:
        stated = read_path(f"gate/{begin.strftime(name)}{mark}{serial.hex()}.mp4".replace("%", ""), layout, "UTC")
        assert stated.recorded_at in {None, begin.replace(tzinfo=UTC)}, (layout, name, stated)


@pytest.mark.parametrize(
    ("path", "layout", "problem"),
    [
        ("gate/20250301_070000_20250302_080000_x.mp4", "{camera}/{any}{datetime}_{any}.{ext}", "may state 2025-03-01 07:00:00"),
        ("NVR_ch1_20250301070000_20250301070030.dav", "{camera}_{datetime}.{ext}", "may be a time as well"),
        ("gate/2025-03-01/07.00.00-07.00.30.dav", "{camera}/{date}/{any}-{time}.{ext}", "may be a time as well"),
        ("gate/2025-03-01/RecM01_070000_070030.mp4", "{camera}/{date}/{any}_{time}.{ext}", "may be a time as well"),
        ("gate/2025-03-01/20250302_070000.mp4", "{camera}/{date}/{datetime}.{ext}", "two days, 01 and 02"),
        ("gate/20250301_070000_20250301_060000.mp4", "{camera}/{datetime}_{end_datetime}.{ext}", "before its beginning"),
        ("gate/20250301/13.00.00am.mp4", "{camera}/{date}/{hour}.{minute}.{second}{ampm}.{ext}", "not in the morning"),
        ("gate/2025-03-01/x.mp4", "{camera}/{date}/{any}.{ext}", "states no hour"),
        ("gate/20250230-070000.mp4", "{camera}/{datetime}.{ext}", "2025-02-30 is not a date"),
        ("gate/20250301-246000.mp4", "{camera}/{datetime}.{ext}", "24:60:00 is not a time of day"),
        ("gate/9999999999.mp4", "{camera}/{epoch}.{ext}", "nothing was recorded in 2286"),
        ("gate/20250301-1740814205.mp4", "{camera}/{any}-{epoch}.{ext}", None),
        ("gate/20250301_0730-1740820000.mp4", "{camera}/{date}_{time}-{epoch}.{ext}", "states 2025-03-01 07:30:00 and the moment"),
        ("_" * 250 + ".mp4", "{any}_{any}_{any}_{any}.{ext}", None),
    ],
)  # fmt: skip
def test_what_may_be_two_times_is_none_and_says_why(path: str, layout: str, problem: str | None) -> None:
    stated = read_path(path, layout, "UTC")
    if problem is None:
        assert stated.problem is None or "too many ways" in stated.problem
    else:
        assert stated.recorded_at is None
        assert problem in str(stated.problem)


def test_seconds_are_not_left_behind() -> None:
    """07-00-30 is not seven o'clock with a 30 that belongs to something else, and not half a minute past midnight."""
    assert read_path("a-07-00-30.mp4", "{any}-{time}.{ext}|{any}", "UTC").recorded_at is None  # no date
    stated = read_path("2025-03-01/a-07-00-30.mp4", "{date}/{any}-{time}.{ext}", "UTC")
    assert stated.recorded_at == datetime(2025, 3, 1, 7, 0, 30, tzinfo=UTC)
    assert read_path("2025-03-01/07-00-30.mp4", "{date}/{time}-{any}.{ext}", "UTC") == read_path("x", DEFAULT, "UTC")


# ---- zones ----


def test_an_hour_that_comes_twice_is_refused_unless_something_says_which() -> None:
    """Zurich 2025-10-26: 02:30 comes at 00:30 and again at 01:30 UTC."""
    uri, earlier = "gate/2025-10-26/02-30-00.mp4", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    later = earlier + timedelta(hours=1)
    stated = read_path(uri, DEFAULT, "Europe/Zurich")
    assert (stated.camera, stated.recorded_at) == ("gate", None)
    assert "comes twice in Europe/Zurich" in str(stated.problem)
    # A file that was complete at 02:40 by the first count was not begun at 02:30 by the second.
    assert read_path(uri, DEFAULT, "Europe/Zurich", modified=earlier.timestamp() + 600).recorded_at == earlier
    after = later.timestamp() + 600
    assert read_path(uri, DEFAULT, "Europe/Zurich", modified=after).recorded_at is None
    for rule, expected in (("earlier", earlier), ("later", later), ("modified", later)):
        zones = Zones("Europe/Zurich", repeated_hour=rule)  # type: ignore[arg-type]
        assert read_path(uri, DEFAULT, zones, modified=after).recorded_at == expected
    copied = after + 86400
    assert (
        read_path(uri, DEFAULT, Zones("Europe/Zurich", repeated_hour="modified"), modified=copied).recorded_at is None
    )
    over = read_path("2025-10-26/02-50-00_02-10-00.mp4", "{date}/{time}_{end_time}.{ext} as gate", "Europe/Zurich")
    assert over.recorded_at == earlier + timedelta(minutes=20)  # ended at 02:10 by the clock: it was set back meanwhile


def test_a_time_that_never_comes_says_that_the_zone_is_another() -> None:
    """Zurich 2025-03-30: there is no 02:30; a clock that shows it did not follow the change."""
    stated = read_path("gate/2025-03-30/02-30-00.mp4", DEFAULT, "Europe/Zurich")
    assert stated.recorded_at is None
    assert "does not exist in Europe/Zurich" in str(stated.problem)
    fixed = read_path("gate/2025-03-30/02-30-00.mp4", f"{DEFAULT} @ Etc/GMT-1", "Europe/Zurich")
    assert fixed.recorded_at == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


def test_zones_of_layouts_and_cameras() -> None:
    """The layout's zone says how names are written, the camera's where it stands; the installation's is for the others."""
    zones = Zones("Europe/Zurich", (("ny-1", "America/New_York"), ("ny-*", "America/Chicago")))
    hours = {
        (camera, layout): read_path(f"{camera}/2025-01-15/12-00-00.mp4", layout, zones).recorded_at
        for camera in ("hall", "ny-1", "ny-2")
        for layout in (DEFAULT, f"{DEFAULT} @ UTC")
    }
    assert [moment.hour for moment in hours.values() if moment] == [11, 12, 17, 12, 18, 12]


# ---- what cannot be used ----


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ("{kamera}/{time}", "kamera"),
        ("{camera}/{camera}", "twice"),
        ("frigat", "neither a pattern .* nor one of the recorders frigate"),
        ("frigate @ Mars/Base", "Mars/Base"),
        ("{camera}/{time}{number}.{ext}", "side by side"),
        ("{camera}/{time:4}.{ext}", "no such addition"),
        ("frigate|", "empty"),
    ],
)
def test_a_wrong_layout_is_refused(layout: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        read_path("x", layout, "UTC")


def test_a_camera_that_may_be_another_is_none() -> None:
    stated = read_path("front_door_clip_20250301_073005.mp4", "{camera}_{any}_{datetime}.{ext}", "UTC")
    assert (stated.camera, stated.recorded_at) == (None, datetime(2025, 3, 1, 7, 30, 5, tzinfo=UTC))
    assert "'front_door' or 'front'" in str(stated.problem)
    assert read_path("front_clip_20250301_073005.mp4", "{camera}_{any}_{datetime}.{ext}", "UTC").camera == "front"
    assert read_path("front_door_1.mp4", "{camera}_{number}.{ext}", "UTC").camera == "front_door"


def test_what_follows_a_time_is_no_fraction_of_its_second() -> None:
    stated = read_path("10.43.50.192.168.1.10/2025-03-01.mp4", "{time}.{camera}/{date}.{ext}", "UTC")
    assert (stated.camera, stated.recorded_at) == ("192.168.1.10", datetime(2025, 3, 1, 10, 43, 50, tzinfo=UTC))
