"""Segments partition the frames of a file; which frames are sampled follows from their times."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.segments import count_segments, sampled_ranges, split_into_segments
from anyanomaly_core.profile import SamplingSpec, load_profile
from tests.steady import steady_segments


@given(st.integers(0, 3000), st.integers(1, 40), st.integers(1, 50))
def test_every_frame_in_exactly_one_segment(frames: int, size: int, step: int) -> None:
    segments = steady_segments(frames, size, step)
    covered = [n for s in segments for n in range(s.first_frame, s.last_frame + 1)]
    assert covered == list(range(frames))
    assert [s.index for s in segments] == list(range(len(segments)))
    assert [n for s in segments for n in s.sampled] == list(range(0, frames, step))
    assert all(len(s.sampled) == size for s in segments[:-1])
    assert all(1 <= len(s.sampled) <= size and s.sampled[0] == s.first_frame for s in segments)
    assert sum(s.frame_count for s in segments) == frames


def test_by_hand() -> None:
    first, last = steady_segments(11, 3, 2)
    assert (first.first_frame, first.last_frame, [*first.sampled]) == (0, 5, [0, 2, 4])
    assert (last.first_frame, last.last_frame, [*last.sampled]) == (6, 10, [6, 8, 10])
    assert steady_segments(0, 24) == []


intervals = st.sampled_from([0.04, 0.1, 0.2, 1.0, 4.0])


@given(
    st.lists(st.tuples(st.integers(1, 60), intervals, st.sampled_from([0.0, 30.0])), min_size=1, max_size=5),
    st.sampled_from([None, 2.0, 8.0]),
    st.sampled_from([None, 1.0, 3.2]),
)
def test_whatever_the_rates_and_holes(
    runs: list[tuple[int, float, float]], fps: float | None, segment_s: float | None
) -> None:
    steps = np.concatenate([[interval + hole, *[interval] * (frames - 1)] for frames, interval, hole in runs])
    times = np.cumsum(steps) - steps[0]
    pace = Pace.of(times, Fraction(25))
    sampling = SamplingSpec(fps=fps, segment_frames=24, segment_s=segment_s)
    segments = split_into_segments(pace, sampling)
    assert pace.frame_count == len(times)
    assert [n for s in segments for n in range(s.first_frame, s.last_frame + 1)] == list(range(len(times)))
    assert all(1 <= len(s.sampled) <= 24 and s.sampled[0] == s.first_frame for s in segments)
    assert all(s.first_frame <= n <= s.last_frame for s in segments for n in s.sampled)
    assert count_segments(pace, sampling) == len(segments)
    assert [n for part in sampled_ranges(segments) for n in part] == [n for s in segments for n in s.sampled]
    # No segment lies on both sides of a hole.
    behind = {piece[0].first_frame for piece in pace.pieces}
    assert all(s.first_frame in behind or not behind & set(range(s.first_frame, s.last_frame + 1)) for s in segments)


def test_a_hole_ends_a_segment_and_is_in_none() -> None:
    times = np.arange(100) / 25
    times[50:] += 68
    pace = Pace.of(times, Fraction(25))
    assert [(s.first_frame, s.frame_count) for s in pace.stretches] == [(0, 50), (50, 50)]
    assert [(s.start_s, s.end_s) for s in pace.stretches] == [pytest.approx((0, 2)), pytest.approx((70, 72))]
    assert pace.recorded_s == pytest.approx(4)
    segments = split_into_segments(pace, SamplingSpec(segment_frames=24))
    assert [(s.first_frame, s.last_frame) for s in segments] == [
        (0, 23),
        (24, 47),
        (48, 49),
        (50, 73),
        (74, 97),
        (98, 99),
    ]


@pytest.mark.parametrize(
    ("fps", "step", "seconds"), [(25, 3, 2.88), (10, 1, 2.4), (5, 1, 3.2), (1, 1, 3.0), (100, 12, 2.88)]
)
def test_the_default_profile_samples_by_time(fps: float, step: int, seconds: float) -> None:
    """8 frames a second where there are so many; a segment is never longer than 3.2 s."""
    pace = Pace.of(np.arange(round(60 * fps)) / fps, Fraction(600))  # what the header says does not matter
    first, second, *_ = split_into_segments(pace, load_profile("default").sampling)
    assert first.sampled[1] - first.sampled[0] == step
    assert first.frame_count / fps == pytest.approx(seconds)
    assert second.first_frame == first.last_frame + 1


def test_where_the_rate_changes_sampling_changes() -> None:
    """A recorder that keeps one frame a second until something moves."""
    times = np.concatenate([np.arange(60), 60 + np.arange(250) / 25, 70 + np.arange(30)])
    segments = split_into_segments(Pace.of(times, Fraction(25)), SamplingSpec(fps=8, segment_frames=24, segment_s=3.2))
    lengths = [times[min(b.first_frame, len(times) - 1)] - times[a.first_frame] for a, b in pairwise(segments)]
    assert max(lengths) < 4.1
    fast = [n for s in segments for n in s.sampled if 66 <= n < 300]
    assert set(np.diff(fast)) == {3}
    assert all(n in {m for s in segments for m in s.sampled} for n in (*range(55), *range(315, 340)))
