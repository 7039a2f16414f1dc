import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.scoring.smoothing import frame_scores, smooth, unsmoothed
from anyanomaly_core.scoring.types import SegmentScore, Status


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
    got = smooth(np.array(values, np.float32), sigma)
    np.testing.assert_allclose(got, naive(values, sigma), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(maybe, min_size=1, max_size=120), st.floats(0, 30))
def test_stays_in_range_and_keeps_what_is_unscored(values: list[float], sigma: float) -> None:
    array = np.array(values, np.float32)
    got = smooth(array, sigma)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(got), np.isnan(array))
    scored = got[~np.isnan(got)]
    assert ((scored >= 0) & (scored <= 1)).all()


def test_unscored_frames_do_not_pull_scores_down() -> None:
    values = np.full(100, 0.9, np.float32)
    values[40:60] = np.nan
    np.testing.assert_allclose(smooth(values, 15)[:40], 0.9, atol=1e-6)


def test_edges_are_not_reflected_or_padded() -> None:
    np.testing.assert_allclose(smooth(np.full(10, 0.7, np.float32), 15), 0.7, atol=1e-6)


def test_golden_by_hand() -> None:
    # three frames, sigma 1: weights 1, e^-1/2, e^-2
    a, b = math.exp(-0.5), math.exp(-2)
    expected = [1 / (1 + a + b), a / (1 + 2 * a), b / (1 + a + b)]
    np.testing.assert_allclose(smooth(np.array([1, 0, 0], np.float32), 1), expected, atol=1e-6)


def test_every_frame_takes_its_segments_score() -> None:
    segments = split_into_segments(11, 2, step=2)  # spans of 4 frames: 0-3, 4-7, 8-10
    got = unsmoothed(segments, [0.1, None, 0.3], 11)
    np.testing.assert_allclose(got, [0.1] * 4 + [np.nan] * 4 + [0.3] * 3, atol=1e-7)


def test_frames_in_no_segment_are_unscored() -> None:
    segments = [Segment(0, 0, 3, range(1)), Segment(2, 8, 9, range(8, 9))]
    got = frame_scores(segments, [1.0, 0.0], 12, 0)
    np.testing.assert_array_equal(got, [1] * 4 + [np.nan] * 4 + [0] * 2 + [np.nan] * 2)


def test_baseline_scores_are_held_until_the_next_sample() -> None:
    segment = Segment(0, 0, 6, range(0, 7, 3))
    row = SegmentScore(0, 1, Status.SCORED, score=0.9, frame_scores=(0.1, None, 0.9))
    got = unsmoothed([segment], [row], 7)
    np.testing.assert_allclose(got, [0.1] * 3 + [np.nan] * 3 + [0.9], atol=1e-7)


def test_failed_segments_are_nan_not_zero() -> None:
    rows = [SegmentScore(0, 1, Status.FAILED, reason="no"), SegmentScore(1, 1, Status.SCORED, score=0.4)]
    got = frame_scores(split_into_segments(4, 2), rows, 4, 15)
    assert np.isnan(got[:2]).all()
    np.testing.assert_allclose(got[2:], 0.4, atol=1e-6)


def test_wrong_number_of_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        frame_scores(split_into_segments(4, 2), [0.1], 4, 0)


def test_ten_hours_are_quick() -> None:
    values = np.random.default_rng(0).random(900_000, dtype=np.float32)
    assert np.isfinite(smooth(values, 15)).all()


def test_nothing_scored_stays_nothing() -> None:
    assert np.isnan(smooth(np.full(5, np.nan, np.float32), 3)).all()
    assert smooth(np.zeros(0, np.float32), 3).shape == (0,)
