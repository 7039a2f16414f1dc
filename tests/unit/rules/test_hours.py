from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.rules.hours import Hours


def naive(text: str, moment: datetime, zone: str) -> bool:
    start, end = text.split("-")
    now = moment.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S.%f")
    if start < end:
        return start <= now < end
    return now >= start or now < end


@given(
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    offsets=st.lists(st.floats(0, 200_000), min_size=1, max_size=20),
    ends=st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda pair: pair[0] != pair[1]),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]
    ),
)
def test_as_a_clock_on_the_wall_says(moment: datetime, offsets: list[float], ends: tuple[int, int], zone: str) -> None:
    text = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in ends)
    mask = Hours.parse(text).mask(moment, np.array(offsets), zone)
    for inside, offset in zip(mask, offsets, strict=True):
        when = moment + timedelta(seconds=offset)
        # Within a microsecond of a whole minute rounding decides.
        if 1e-5 < (when.timestamp() % 60) < 60 - 1e-5:
            assert inside == naive(text, when, zone)


def test_the_night_the_clocks_go_back() -> None:
    # Berlin, 25 October 2026: 02:30 happens twice, at 00:30 and 01:30 UTC.
    moments = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    mask = Hours(120, 180).mask(moments, np.arange(0, 3.5 * 3600, 1800.0), "Europe/Berlin")
    assert mask.tolist() == [True, True, True, True, False, False, False]


@pytest.mark.parametrize(
    "text", ["", "22-06", "24:00-06:00", "22:00-24:01", "1:00-2:00", "05:00-05:00", "22:00 - 06:00"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"hours are written|ends at|empty"):
        Hours.parse(text)
