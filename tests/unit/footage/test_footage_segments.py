"""Segments partition the frames of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.segments import split_into_segments


@given(st.integers(0, 3000), st.integers(1, 40), st.integers(1, 50))
def test_every_frame_in_exactly_one_segment(frames: int, size: int, step: int) -> None:
    segments = split_into_segments(frames, size, step)
    covered = [n for s in segments for n in range(s.first_frame, s.last_frame + 1)]
    assert covered == list(range(frames))
    assert [s.index for s in segments] == list(range(len(segments)))
    assert [n for s in segments for n in s.sampled] == list(range(0, frames, step))
    assert all(len(s.sampled) == size for s in segments[:-1])
    assert all(1 <= len(s.sampled) <= size and s.sampled[0] == s.first_frame for s in segments)
    assert sum(s.frame_count for s in segments) == frames


def test_by_hand() -> None:
    first, last = split_into_segments(11, 3, 2)
    assert (first.first_frame, first.last_frame, [*first.sampled]) == (0, 5, [0, 2, 4])
    assert (last.first_frame, last.last_frame, [*last.sampled]) == (6, 10, [6, 8, 10])
    assert split_into_segments(0, 24) == []


@pytest.mark.parametrize("arguments", [(-1, 24, 1), (10, 0, 1), (10, 24, 0)])
def test_impossible(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(FootageError, match="Cannot split"):
        split_into_segments(*arguments)
