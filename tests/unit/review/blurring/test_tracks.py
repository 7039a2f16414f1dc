"""Boxes through time: what is found is covered, and so are the gaps and the moments around."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.review.blurring.detector import Boxes
from anyanomaly_core.review.blurring.tracks import MARGIN, enlarge, track_boxes

HOLD, RATE = 4, 8.0


def box(left: float, top: float = 10, side: float = 20) -> Boxes:
    return np.array([[left, top, left + side, top + side]], float)


def holds(outer: Boxes, inner: Boxes) -> bool:
    """Whether one of the boxes [n, 4] contains a box [4]."""
    return bool(((outer[:, :2] <= inner[:2] + 1e-9) & (outer[:, 2:] >= inner[2:] - 1e-9)).all(axis=1).any())


def test_a_box_is_enlarged_on_each_side() -> None:
    np.testing.assert_allclose(enlarge(box(100), 0.5), [[90, 0, 130, 40]])


def test_a_face_lost_for_some_frames_is_covered_between_and_the_cover_moves_along() -> None:
    cover = track_boxes({10: box(100), 14: box(120)}, 30, HOLD, RATE)
    for number in (11, 12, 13):
        assert holds(cover[number], enlarge(box(100 + 5 * (number - 10)), MARGIN)[0])
    assert holds(cover[10], enlarge(box(100), MARGIN)[0])
    assert not holds(cover[10], box(120)[0]), "found frames are covered where the face is"


def test_a_cover_comes_before_a_face_is_found_and_stays_after_it_is_lost() -> None:
    cover = track_boxes({10: box(100)}, 30, HOLD, RATE)
    assert [number for number in range(30) if len(cover[number])] == list(range(6, 15))
    held, found = cover[6][0], cover[10][0]
    assert held[2] - held[0] > found[2] - found[0], "a face that is not found may have moved"


def test_a_face_that_walks_is_found_again_and_its_cover_walks_on() -> None:
    """A box of 20 pixels that moves 20 pixels a frame, seen in every third."""
    seen = {number: box(20 * number) for number in (3, 6, 9)}
    cover = track_boxes(seen, 20, HOLD, RATE)
    for number in range(2, 12):
        assert holds(cover[number], box(20 * number)[0]), number


def test_a_longer_gap_is_two_faces() -> None:
    cover = track_boxes({5: box(100), 20: box(100)}, 30, HOLD, RATE)
    assert [number for number in range(30) if not len(cover[number])] == [0, 10, 11, 12, 13, 14, 15, 25, 26, 27, 28, 29]


def test_two_faces_side_by_side_stay_two() -> None:
    both = {n: np.concatenate([box(10 + n), box(200 - n)]) for n in range(0, 10, 2)}
    cover = track_boxes(both, 9, HOLD, RATE)
    assert all(len(boxes) == 2 for boxes in cover)
    assert all(boxes[:, 2].max() - boxes[:, 0].min() > 100 for boxes in cover)


def test_a_clip_without_faces_is_not_covered() -> None:
    assert [len(boxes) for boxes in track_boxes({0: np.empty((0, 4)), 2: np.empty((0, 4))}, 3, HOLD, RATE)] == [0, 0, 0]


_boxes = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(1, 90)), max_size=4)


@given(st.dictionaries(st.integers(0, 24), _boxes, max_size=12), st.integers(1, 8))
def test_whatever_is_found_is_covered_then_and_around_then(
    made: dict[int, list[tuple[float, float, float]]], hold: int
) -> None:
    found = {n: np.array([[x, y, x + s, y + s] for x, y, s in boxes]).reshape(-1, 4) for n, boxes in made.items()}
    cover = track_boxes(found, 25, hold, RATE)
    for number, boxes in found.items():
        for one in boxes:
            assert holds(cover[number], one)
    for number in range(25):
        near = any(len(found[n]) for n in found if abs(n - number) <= hold)
        assert bool(len(cover[number])) == near
