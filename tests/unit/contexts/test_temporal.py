import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anyanomaly_core.contexts.temporal import grid_image, reference_grid_image, winning_window


def test_winning_window_by_hand() -> None:
    similarity = np.array([[0.1, 0.5, 0.2], [0.3, 0.1, 0.1], [0.0, 0.0, 0.6], [0.2, 0.2, 0.2]])
    assert winning_window(similarity) == 2


def test_ties_go_to_the_first_window() -> None:
    assert winning_window(np.full((4, 38), 0.5)) == 0


@given(hnp.arrays(np.float32, (4, 38), elements=st.floats(-1, 1, width=32)))
def test_winner_holds_the_highest_similarity(similarity: np.ndarray) -> None:
    assert similarity[:, winning_window(similarity)].max() == similarity.max()


def test_grid_is_in_time_order_row_by_row() -> None:
    frames = [np.full((240, 240, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    image = grid_image(frames, (48, 96, 96, 144))
    assert image.shape == (224, 224, 3)
    assert [int(image[y, x, 0]) for y, x in [(0, 0), (0, 223), (223, 0), (223, 223)]] == [10, 20, 30, 40]
    assert (image[:112, :112] == 10).all()
    assert (image[112:, 112:] == 40).all()


def test_grid_shows_the_window() -> None:
    frame = np.zeros((240, 240, 3), np.uint8)
    frame[48:96, 144:192] = 255
    assert (grid_image([frame] * 4, (144, 48, 192, 96)) == 255).all()
    assert (grid_image([frame] * 4, (0, 0, 48, 48)) == 0).all()


def test_reference_grid_is_the_reference_arithmetic() -> None:
    """Window to 224 and on to 112 with torch, times 255, cut off."""
    frames = [np.random.default_rng(seed).random((240, 240, 3), dtype=np.float32) for seed in range(4)]
    cells = []
    for frame in frames:
        window = torch.from_numpy(frame).permute(2, 0, 1)[None, :, 80:160, 160:240]
        grown = torch.nn.functional.interpolate(window, (224, 224), mode="bilinear")
        cells.append(
            torch.nn.functional.interpolate(grown, (112, 112), mode="bilinear")[0].permute(1, 2, 0).numpy() * 255
        )
    expected = np.concatenate([np.concatenate(cells[:2], 1), np.concatenate(cells[2:], 1)], 0)
    difference = reference_grid_image(frames, (160, 80, 240, 160)).astype(int) - expected.astype(np.uint8).astype(int)
    assert np.abs(difference).max() <= 1  # a float on the edge of a whole number
    assert (difference == 0).mean() > 0.999
