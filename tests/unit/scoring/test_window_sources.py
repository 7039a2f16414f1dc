import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anyanomaly_core.contexts.windows import all_boxes, window_scales
from anyanomaly_core.scoring.window_plan import window_sources

SCALES = window_scales((48, 80, 120), False)
ROWS, COLS = 36, 64


def touched(x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int]]:
    """A cell belongs to a window when any part of it does."""
    return [
        (row, col)
        for row in range(ROWS)
        for col in range(COLS)
        if row * 240 / ROWS < y1 and (row + 1) * 240 / ROWS > y0
        if col * 240 / COLS < x1 and (col + 1) * 240 / COLS > x0
    ]


INSIDE = [touched(*box) for box in all_boxes(SCALES).tolist()]


def slow_sources(cells: np.ndarray, level: float) -> list[list[int]]:
    """Cell by cell."""
    frames = cells.tolist()
    found = []
    for inside in INSIDE:
        own, source = [], 0
        for place, frame in enumerate(frames):
            if any(abs(frame[row][col] - frames[source][row][col]) > level for row, col in inside):
                source = place
            own.append(source)
        found.append(own)
    return np.array(found).T.tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(0, 2**31), st.sampled_from([0.5, 6.0]))
def test_it_is_the_last_frame_that_differed(frames: int, seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    cells = np.repeat(rng.uniform(0, 255, (1, ROWS, COLS)), frames, axis=0).astype(np.float32)
    for _ in range(rng.integers(0, 6)):  # things come and stay
        row, col = rng.integers(ROWS), rng.integers(COLS)
        cells[rng.integers(frames) :, row, col] += rng.choice([3, 5, 9])
    assert window_sources(cells, SCALES, level).tolist() == slow_sources(cells, level)


def test_a_change_too_slow_to_see_between_two_frames_adds_up() -> None:
    cells = np.arange(24, dtype=np.float32)[:, None, None] * np.ones((ROWS, COLS), np.float32)  # one level a frame
    assert window_sources(cells, SCALES, 6.0)[:, 0].tolist() == [place // 7 * 7 for place in range(24)]


def test_where_something_passes_only_its_windows_change() -> None:
    cells = np.full((3, ROWS, COLS), 90, np.float32)
    cells[1, 0, 0] = 140  # in the upper left corner, for one frame
    sources = window_sources(cells, SCALES, 6.0)
    corner = [index for index, (x0, y0, *_) in enumerate(all_boxes(SCALES)) if x0 == y0 == 0]
    assert sources[:, corner].tolist() == [[0] * 3, [1] * 3, [2] * 3]
    assert (np.delete(sources, corner, axis=1) == 0).all()
