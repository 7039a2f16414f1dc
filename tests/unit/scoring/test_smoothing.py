import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Smoothing
from anyanomaly_core.scoring.smoothing import frame_scores, raw_frame_scores, smooth
from anyanomaly_core.scoring.types import SegmentScore, Status
from tests.steady import steady_segments


def in_frames(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return smooth(values, Pace.steady(len(values), 25), Smoothing(sigma, in_seconds=False))


def naive(values: list[float], sigma: float) -> list[float]:
    """Mean of the scored neighbours, weighted by a Gaussian cut off at four sigmas; frame by frame."""
    radius = int(4 * sigma + 0.5)
    result = []
    for i, value in enumerate(values):
        if math.isnan(value):
            result.append(math.nan)
            continue
        total = weight = 0.0
        for j in range(max(0, i - radius), min(len(values), i + radius + 1)):
            if not math.isnan(values[j]):
                w = math.exp(-((i - j) ** 2) / (2 * sigma**2))
                total, weight = total + w * values[j], weight + w
        result.append(total / weight)
    return result


maybe = st.one_of(st.floats(0, 1), st.just(math.nan))


@settings(max_examples=60, deadline=None)
@given(st.lists(maybe, min_size=1, max_size=120), st.floats(0.3, 30))
def test_equals_the_naive_loop(values: list[float], sigma: float) -> None:
    got = in_frames(np.array(values, np.float32), sigma)
    np.testing.assert_allclose(got, naive(values, sigma), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(maybe, min_size=1, max_size=120), st.floats(0, 30))
def test_stays_in_range_and_keeps_what_is_unscored(values: list[float], sigma: float) -> None:
    array = np.array(values, np.float32)
    got = in_frames(array, sigma)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(got), np.isnan(array))
    scored = got[~np.isnan(got)]
    assert ((scored >= 0) & (scored <= 1)).all()


def test_unscored_frames_do_not_pull_scores_down() -> None:
    values = np.full(100, 0.9, np.float32)
    values[40:60] = np.nan
    np.testing.assert_allclose(in_frames(values, 15)[:40], 0.9, atol=1e-6)


def test_edges_are_not_reflected_or_padded() -> None:
    np.testing.assert_allclose(in_frames(np.full(10, 0.7, np.float32), 15), 0.7, atol=1e-6)


def test_golden_by_hand() -> None:
    # three frames, sigma 1: weights 1, e^-1/2, e^-2
    a, b = math.exp(-0.5), math.exp(-2)
    expected = [1 / (1 + a + b), a / (1 + 2 * a), b / (1 + a + b)]
    np.testing.assert_allclose(in_frames(np.array([1, 0, 0], np.float32), 1), expected, atol=1e-6)


def test_every_frame_takes_its_segments_score() -> None:
    segments = steady_segments(11, 2, step=2)  # spans of 4 frames: 0-3, 4-7, 8-10
    got = raw_frame_scores(segments, [0.1, None, 0.3], 11)
    np.testing.assert_allclose(got, [0.1] * 4 + [np.nan] * 4 + [0.3] * 3, atol=1e-7)


def test_frames_in_no_segment_are_unscored() -> None:
    segments = [Segment(0, 0, 3, range(1)), Segment(2, 8, 9, range(8, 9))]
    got = frame_scores(segments, [1.0, 0.0], Pace.steady(12, 25), Smoothing(0, in_seconds=False))
    np.testing.assert_array_equal(got, [1] * 4 + [np.nan] * 4 + [0] * 2 + [np.nan] * 2)


def test_baseline_scores_are_held_until_the_next_sample() -> None:
    segment = Segment(0, 0, 6, range(0, 7, 3))
    row = SegmentScore(0, 1, Status.SCORED, score=0.9, frame_scores=(0.1, None, 0.9))
    got = raw_frame_scores([segment], [row], 7)
    np.testing.assert_allclose(got, [0.1] * 3 + [np.nan] * 3 + [0.9], atol=1e-7)


def test_failed_segments_are_nan_not_zero() -> None:
    rows = [SegmentScore(0, 1, Status.FAILED, reason="no"), SegmentScore(1, 1, Status.SCORED, score=0.4)]
    got = frame_scores(steady_segments(4, 2), rows, Pace.steady(4, 25), Smoothing(15, in_seconds=False))
    assert np.isnan(got[:2]).all()
    np.testing.assert_allclose(got[2:], 0.4, atol=1e-6)


def test_wrong_number_of_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        frame_scores(steady_segments(4, 2), [0.1], Pace.steady(4, 25), Smoothing(0, in_seconds=False))


def test_ten_hours_are_quick() -> None:
    values = np.random.default_rng(0).random(900_000, dtype=np.float32)
    assert np.isfinite(in_frames(values, 15)).all()


def test_nothing_scored_stays_nothing() -> None:
    assert np.isnan(in_frames(np.full(5, np.nan, np.float32), 3)).all()
    assert in_frames(np.zeros(0, np.float32), 3).shape == (0,)


def over_time(values: list[float], stretches: list[tuple[int, float, float]], sigma: float) -> NDArray[np.float32]:
    """Smoothed with a sigma in seconds; stretches are (frames, begin, end)."""
    firsts = np.cumsum([0, *(frames for frames, _, _ in stretches)])
    pace = Pace(tuple(Stretch(int(f), n, a, b) for f, (n, a, b) in zip(firsts, stretches, strict=False)))
    return smooth(np.array(values, np.float32), pace, Smoothing(sigma, in_seconds=True))


def by_time(values: list[float], begins: list[float], ends: list[float], sigma: float) -> list[float]:
    """Mean of the neighbours by the time they last and how far away they are; nothing reaches over a hole."""
    result = []
    for i, value in enumerate(values):
        total = weight = 0.0
        for j, other in enumerate(values):
            between = range(min(i, j), max(i, j))
            apart = abs(begins[i] + ends[i] - begins[j] - ends[j]) / 2
            hole = any(begins[k + 1] - ends[k] > 1e-6 for k in between)
            if not hole and apart <= 4 * sigma and not math.isnan(other):
                w = (ends[j] - begins[j]) * math.exp(-(apart**2) / (2 * sigma**2))
                total, weight = total + w * other, weight + w
        result.append(math.nan if math.isnan(value) else total / weight)
    return result


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 25), st.sampled_from([0.04, 0.1, 0.2, 1.0]), st.booleans()), min_size=1, max_size=5
    ),
    st.sampled_from([0.137, 0.61, 2.13]),
    st.randoms(use_true_random=False),
)
def test_in_seconds_equals_the_naive_loop_over_changes_of_rate_and_holes(
    runs: list[tuple[int, float, bool]], sigma: float, random: Random
) -> None:
    at, begins, ends, stretches = 0.0, [], [], []
    for frames, interval, hole in runs:
        at += 7.0 if hole else 0.0
        begins += [at + n * interval for n in range(frames)]
        ends += [at + (n + 1) * interval for n in range(frames)]
        stretches.append((frames, at, ends[-1]))
        at = ends[-1]
    values = [float(np.float32(random.choice([0.0, 0.3, 1.0, math.nan]))) for _ in begins]
    expected = by_time(values, begins, ends, sigma)
    steady = [i for i in range(len(values)) if not math.isnan(expected[i])]
    got = over_time(values, stretches, sigma)
    assert np.isnan(got).sum() == len(values) - len(steady)
    # With one rate the kernel ends at a whole frame, half a frame sooner or later than the loop's.
    np.testing.assert_allclose(got[steady], np.array(expected)[steady], atol=2e-3)


@pytest.mark.parametrize("fps", [5, 10, 15])
def test_footage_of_any_rate_smooths_alike(fps: float) -> None:
    """A second of a hit in a minute: the same curve over time, whatever the frame rate."""

    def curve(rate: float) -> NDArray[np.float32]:
        times = np.arange(round(60 * rate)) / rate
        hit = ((times >= 30 - 1e-9) & (times < 31 - 1e-9)).astype(np.float32)
        return smooth(hit, Pace.steady(len(hit), rate), Smoothing(0.6, in_seconds=True))

    fine, coarse = curve(25), curve(fps)
    # The error function gives the peak of a box one second long: erf(0.5 / (0.6 sqrt 2)) = 0.595.
    assert fine.max() == pytest.approx(math.erf(0.5 / (0.6 * math.sqrt(2))), abs=0.005)
    middles = (np.arange(len(coarse)) + 0.5) / fps
    np.testing.assert_allclose(coarse, np.interp(middles, (np.arange(len(fine)) + 0.5) / 25, fine), atol=0.02)
