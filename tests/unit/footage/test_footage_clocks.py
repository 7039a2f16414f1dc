"""Files of clock corrections: what they may say, what they mean, and how wrong ones are refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.clocks import NONE, _amount, correction_of, describe_correction, load_clocks
from anyanomaly_core.footage.layout import zone_of_times
from anyanomaly_core.footage.local_time import Zones

FILE = """
clocks:
  - camera: gate-*
    from: 2026-10-25 03:00
    until: 2026-11-01T09:30:00+01:00
    add: -1 h
    why: nobody set it back in autumn
  - camera: hall
    files: "hall/2026-10-25/02-*_2.mp4"
    add: +1 h
  - camera: "*"
    from: 1970-01-01
    until: 1970-02-01
    add: +20519 d 1 h 30 min 2.5 s
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "clocks.yaml"
    path.write_text(text)
    return path


def test_the_first_entry_that_fits_camera_file_and_stated_time_counts(tmp_path: Path) -> None:
    clocks = load_clocks(written(tmp_path, FILE))
    hour = timedelta(hours=1)

    def add(camera: str, uri: str, *stated: int) -> timedelta:
        return correction_of(clocks, camera, uri, datetime(*stated, tzinfo=UTC), lambda: "Europe/Berlin").add  # type: ignore[misc,arg-type]

    # Three o'clock on that day in Berlin is two in UTC; the end is not part of it.
    assert add("gate-1", "x", 2026, 10, 25, 1, 59, 59) == timedelta(0)
    assert add("gate-1", "x", 2026, 10, 25, 2) == -hour
    assert add("gate-1", "x", 2026, 11, 1, 8, 29, 59) == -hour
    assert add("gate-1", "x", 2026, 11, 1, 8, 30) == timedelta(0)
    assert add("gate", "x", 2026, 10, 26) == timedelta(0)
    assert add("hall", "hall/2026-10-25/02-10-00_2.mp4", 2026, 10, 25) == hour
    assert add("hall", "hall/2026-10-25/02-10-00.mp4", 2026, 10, 25) == timedelta(0)
    fallen_back = add("gate-1", "x", 1970, 1, 3)
    assert datetime(1970, 1, 3, tzinfo=UTC) + fallen_back == datetime(2026, 3, 9, 1, 30, 2, 500_000, tzinfo=UTC)
    assert correction_of(clocks, "hall", "x", datetime(2026, 1, 1, tzinfo=UTC), lambda: "UTC") is NONE
    assert load_clocks(None) == ()


@pytest.mark.parametrize(
    ("layout", "camera", "path", "zone"),
    [
        ("frigate", "gate", "recordings/2026-10-31/14/gate/35.12.mp4", "UTC"),  # whatever the camera's zone
        ("reolink @ Asia/Tokyo", "gate", "gate/RecS07_20250219_111146_111238_0_A714C0A000_21E67C.mp4", "Asia/Tokyo"),
        ("{camera}/{date}/{time}.{ext}", "ny-1", "ny-1/2026-10-31/14-35-12.mp4", "America/New_York"),
        ("{camera}/{date}/{time}.{ext}", "gate", "gate/2026-10-31/14-35-12.mp4", "Europe/Berlin"),
    ],
)
def test_moments_are_in_the_zone_that_the_footage_states_its_times_in(
    tmp_path: Path, layout: str, camera: str, path: str, zone: str
) -> None:
    zones = Zones("Europe/Berlin", (("ny-*", "America/New_York"),))
    assert zone_of_times(path, layout, zones, camera) == zone
    clocks = load_clocks(written(tmp_path, "clocks: [{camera: '*', from: '2026-10-31 12:00', add: +1 s}]"))
    noon = datetime(2026, 10, 31, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for stated, seconds in ((noon, 1), (noon - timedelta(seconds=1), 0)):
        found = correction_of(clocks, camera, path, stated, lambda: zone_of_times(path, layout, zones, camera))
        assert found.add == timedelta(seconds=seconds)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path, "clocks: [{camera: a, add: +1 s}]")
    assert [c.add.total_seconds() for c in load_clocks(path)] == [1]
    written(tmp_path, "clocks: [{camera: a, add: +12 s}]")
    assert [c.add.total_seconds() for c in load_clocks(path)] == [12]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clocks: [", "not YAML"),
        ("- camera: a", "one list `clocks:`"),
        ("clocks: [{camera: a}]", "no `add`"),
        ("clocks: [{add: +1 h}]", "no `camera`"),
        ("clocks: [{camera: a, add: 1 h}]", "must be such as"),
        ("clocks: [{camera: a, add: +1:30}]", "must be such as"),
        ("clocks: [{camera: a, add: +3600}]", "must be such as"),
        ("clocks: [{camera: a, add: +99999 d}]", "sixty years"),
        ("clocks: [{camera: a, add: +1 h, form: 2026-01-01}]", "has `form`"),
        ("clocks: [{camera: a, add: +1 h, from: yesterday}]", "no ISO 8601 time"),
        ("clocks: [{camera: a, add: +1 h, from: 0001-01-01}]", "no ISO 8601 time"),
        ("clocks: [{camera: a, add: +1 h, from: 2026-01-02, until: 2026-01-01}]", "before it begins"),
        ("clocks: [{camera: [a], add: +1 h}]", "one value each"),
        ("clocks: [a]", "one value each"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_clocks(path)
    assert str(path) in str(refused.value)


def test_a_missing_file_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_clocks(tmp_path / "away.yaml")


@given(st.integers(-(10**12), 10**12))
def test_words_say_the_amount_they_are_read_as(milliseconds: int) -> None:
    add = timedelta(milliseconds=milliseconds)
    said = describe_correction(add)
    assert abs(_amount(said) - add) <= timedelta(milliseconds=1)
