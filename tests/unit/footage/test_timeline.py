"""Times of frames: what a file states, what is repaired and what is a hole, by hand and for any file."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anyanomaly_core.footage.timeline import duration, frame_ends, frame_interval, frame_rate, repair

Times = NDArray[np.float64]
TRUE = np.arange(100) * 0.04  # 4 s at 25 a second


def off(places: int | list[int] | slice, by: float | list[float]) -> Times:
    stated = TRUE + 50_000
    stated[places] += by
    return stated


WRONG = {
    "one late": off(30, 37_600),
    "the first late": off(0, 37_600),
    "the second late": off(1, 37_600),
    "the last but one late": off(98, 37_600),
    "the last late": off(99, 37_600),
    "the first early": off(0, -37_600),
    "the second early": off(1, -37_600),
    "one early": off(50, -37_600),
    "the last early": off(99, -37_600),
    "by a little": off(50, 0.06),
    "by months": off(50, 200 * 86_400),
    "several": off([10, 30, 31, 60], [37_600, 500, 90_000, 3]),
    "every tenth": off(list(range(5, 100, 10)), 37_600),
    "twenty in a row late": off(slice(30, 50), 37_600),
    "twenty in a row early": off(slice(30, 50), -10),
}


@pytest.mark.parametrize("stated", WRONG.values(), ids=WRONG)
def test_a_wrong_time_costs_its_frame_alone(stated: Times) -> None:
    timeline = repair(stated)
    np.testing.assert_allclose(timeline.times_s, TRUE, atol=1e-6)
    wrong = int((np.abs(stated - 50_000 - TRUE) > 1e-6).sum())
    assert timeline.notes == (
        f"{wrong} frame(s) state a wrong time, outside that of their neighbours; they were laid between these",
    )
    assert not timeline.as_stated
    assert len(timeline.holes_s) == 0


@pytest.mark.parametrize(
    ("second", "count"), [(TRUE, 1), (TRUE + 2, 1), (TRUE + 1.7e9, 1), (np.append(TRUE, TRUE), 2), (TRUE - 1e6, 1)]
)
def test_a_clock_that_begins_again_is_joined(second: Times, count: int) -> None:
    timeline = repair(np.append(TRUE, second))
    np.testing.assert_allclose(timeline.times_s, np.arange(100 + len(second)) * 0.04, atol=1e-6)
    assert timeline.notes[0].startswith(f"the times begin again or leap {count} time(s)")
    assert not timeline.as_stated


def test_a_clock_set_back_by_a_second_goes_on() -> None:
    stated = TRUE.copy()
    stated[50:] -= 1
    np.testing.assert_allclose(repair(stated).times_s, TRUE, atol=1e-9)


@pytest.mark.parametrize(("fps", "expected"), [(0.0, 25.0), (10.0, 10.0), (90_000.0, 25.0)])
@pytest.mark.parametrize("stated", [np.zeros(100), np.full(100, np.nan)], ids=["same", "none"])
def test_frames_without_times_of_their_own(stated: Times, fps: float, expected: float) -> None:
    timeline = repair(stated, fps=fps)
    np.testing.assert_allclose(timeline.times_s, np.arange(100) / expected)
    assert timeline.notes == (f"all frames state the same time, or none; they were laid {expected:g} a second",)


def test_whole_seconds_are_shared_by_their_frames() -> None:
    timeline = repair(np.repeat(np.arange(4.0), 25))
    np.testing.assert_allclose(timeline.times_s, TRUE)
    assert timeline.notes[0].startswith("96 frame(s) state the time of the frame before")


def test_holes_stay() -> None:
    stated = TRUE + 1.7e9
    stated[50:] += 68
    stated[70:] += 3
    timeline = repair(stated)
    assert timeline.as_stated
    np.testing.assert_allclose(timeline.holes_s, [[2, 70], [70.8, 73.8]], atol=1e-5)
    assert timeline.notes == ("nothing was recorded in 2 hole(s) of 71.00 s in all, the longest 68.00 s at 2.00 s",)
    assert duration(timeline.times_s, Fraction(0)) == pytest.approx(75)
    ends = frame_ends(timeline.times_s)
    np.testing.assert_allclose(ends[[48, 49, 50, 69, 99]], [1.96, 2, 70.04, 70.8, 75], atol=1e-5)


def test_a_lost_beginning_is_footage_that_is_not_there() -> None:
    timeline = repair(TRUE + 47.6, begin_s=47.0)
    np.testing.assert_allclose(timeline.times_s, TRUE + 0.6, atol=1e-9)
    np.testing.assert_allclose(timeline.holes_s, [[0, 0.6]], atol=1e-9)
    assert timeline.as_stated
    assert timeline.notes == ("the first 0.60 s cannot be decoded; the file does not begin with a whole picture",)


TRUTHFUL: dict[str, Callable[[np.random.Generator], Times]] = {
    "one a second": lambda _: np.arange(60.0),
    "a picture every ten minutes": lambda _: np.arange(40) * 600.0,
    "one a second while something moves": lambda rng: np.cumsum(rng.choice([1.0, 1, 1, 1, 60, 300], 300)),
    "ten frames every five minutes": lambda _: (np.arange(8)[:, None] * 300 + np.arange(10) * 0.04).ravel(),
    "25 a second while something moves, else one": lambda _: np.cumsum(np.where(np.arange(500) // 50 % 2, 1.0, 0.04)),
    "five at once every 200 ms": lambda _: (np.arange(40)[:, None] * 0.2 + np.arange(5) * 0.001).ravel(),
    "rounded to milliseconds": lambda _: np.round(np.arange(300) / 29.97, 3),
    "slower and slower": lambda _: np.arange(30) ** 2 / 100,
}


@pytest.mark.parametrize("make", TRUTHFUL.values(), ids=TRUTHFUL)
def test_frames_that_come_as_they_like_are_believed(make: Callable[[np.random.Generator], Times]) -> None:
    stated = make(np.random.default_rng(1)) + 1000
    timeline = repair(stated)
    assert timeline.as_stated
    np.testing.assert_allclose(timeline.times_s, stated - stated[0])


def test_the_rate_is_measured() -> None:
    assert frame_rate(TRUE, Fraction(600)) == 25
    assert frame_rate(np.round(np.arange(300) / 29.97, 3), Fraction(30_000, 1001)) == Fraction(30_000, 1001)
    assert frame_rate((np.arange(40)[:, None] * 0.2 + np.arange(5) * 0.001).ravel(), Fraction(90_000)) == 25
    assert frame_rate(np.zeros(1), Fraction(10)) == 10
    assert frame_rate(np.zeros(1), Fraction(90_000)) == 0


@given(st.lists(st.floats(-1e10, 1e10) | st.just(float("nan")) | st.integers(0, 50), min_size=1, max_size=80))
@example([0.0, 7.29607193679925e-257, 86401.0])
@example([np.nan, np.nan, 0.0, 0.0, 0.0, np.nan, 601.0, 1.0, 0.0, 0.0, 0.0])
def test_whatever_is_stated_time_goes_forward(stated: list[float]) -> None:
    timeline = repair(np.array(stated, np.float64))
    times = timeline.times_s
    assert len(times) == len(stated)
    assert np.isfinite(times).all()
    assert times[0] == 0
    assert (np.diff(times) >= 0).all()
    assert (np.diff(times) <= 86_400 * 1.001).all()
    ends = frame_ends(times)
    assert (ends >= times).all()
    assert (ends[:-1] <= times[1:]).all()
    assert (timeline.holes_s[:, 1] > timeline.holes_s[:, 0]).all()
    assert frame_interval(times) >= 0
    again = repair(times)
    assert not again.as_stated or np.allclose(again.times_s, times)


@given(
    st.integers(30, 200),
    st.floats(0.01, 2.0),
    st.data(),
)
def test_a_few_wrong_times_never_matter(frames: int, interval: float, data: st.DataObject) -> None:
    """Any steady rate, any few frames between others, by any amount that is no mere trembling."""
    true = np.arange(frames) * interval
    places = data.draw(st.lists(st.integers(1, (frames - 2) // 2), min_size=1, max_size=frames // 10, unique=True))
    stated = true.copy()
    for place in places:  # never two in a row
        stated[2 * place] += data.draw(st.floats(1000 * interval, 80_000) | st.floats(-80_000, -1000 * interval))
    np.testing.assert_allclose(repair(stated).times_s, true, atol=interval)


@pytest.mark.parametrize("step_s", [0.0, 0.001, 1 / 51_200])
def test_a_clock_that_stands_still_takes_its_time(step_s: float) -> None:
    """2 s of 25 frames a second, 10 s that a muxer wrote with its least step since the clock was set back, 2 s more."""
    stood = 2.0 + step_s * np.arange(250)
    stated = np.concatenate([np.arange(50) / 25, stood, stood[-1] + (1 + np.arange(50)) / 25])
    repaired = repair(stated)
    assert repaired.times_s == pytest.approx(np.arange(350) / 25, abs=1e-6)
    assert "249 frame(s) state the time of the frame before" in repaired.notes[0]
    assert not repaired.as_stated
    everything = repair(3.6e5 + step_s * np.arange(100), fps=10)
    assert everything.times_s == pytest.approx(np.arange(100) / 10)


def test_a_burst_shares_its_second() -> None:
    stated = np.repeat(np.arange(10.0), 25) + np.tile(np.arange(25) * 1e-4, 10)
    assert repair(stated).times_s == pytest.approx(np.arange(250) / 25)
    few = np.concatenate([np.arange(50) / 25, 2 + np.arange(5) * 1e-3, 2.2 + np.arange(9) / 25])
    assert (repair(few).times_s == few).all(), "five pictures at once are what a network does"
