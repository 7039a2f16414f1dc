import numpy as np
import pytest
import torch

from anyanomaly_core.contexts.windows import (
    reference_frame240,
    reference_pixels,
    window_scales,
)
from anyanomaly_core.errors import ConfigurationError


def test_counts_of_the_paper() -> None:
    assert [s.count for s in window_scales((48, 80, 120), False)] == [25, 9, 4]
    assert [s.count for s in window_scales((48, 80, 240), False)] == [25, 9, 1]
    assert [(s.stride, s.count) for s in window_scales((48, 80, 120, 240), True)] == [
        (24, 81),
        (40, 25),
        (60, 9),
        (120, 1),
    ]


@pytest.mark.parametrize("size", [s for s in range(1, 241) if 240 % s == 0 and s >= 8])
def test_windows_cover_every_pixel_exactly_once(size: int) -> None:
    (scale,) = window_scales((size,), False)
    covered = np.zeros((240, 240), int)
    for x0, y0, x1, y1 in scale.boxes:
        assert (x1 - x0, y1 - y0) == (size, size)
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()


def test_half_strides_hold_the_whole_strides() -> None:
    for size in (48, 80, 120):
        half = {tuple(b) for b in window_scales((size,), True)[0].boxes}
        assert {tuple(b) for b in window_scales((size,), False)[0].boxes} <= half


def test_order_is_row_by_row() -> None:
    (scale,) = window_scales((80,), False)
    assert scale.boxes[:4].tolist() == [[0, 0, 80, 80], [80, 0, 160, 80], [160, 0, 240, 80], [0, 80, 80, 160]]


@pytest.mark.parametrize(
    ("sizes", "half"), [((), False), ((50,), False), ((0,), False), ((241,), False), ((48, 48), False), ((15,), True)]
)
def test_sizes_that_do_not_tile_are_refused(sizes: tuple[int, ...], half: bool) -> None:
    with pytest.raises(ConfigurationError, match="window_sizes"):
        window_scales(sizes, half)


def test_frames_become_240_square_whatever_their_size() -> None:
    for shape in [(1, 1, 3), (7, 300, 3), (480, 640, 3), (240, 240, 3)]:
        image = np.full(shape, 77, np.uint8)
        np.testing.assert_allclose(reference_frame240(image), 77 / 255, atol=1e-6)


@pytest.mark.parametrize("half", [False, True])
def test_reference_pixels_are_unfold_and_interpolate(half: bool) -> None:
    """The reference cuts windows with torch's unfold and grows them to the encoder's input."""
    frame = np.random.default_rng(1).random((240, 240, 3), dtype=np.float32)
    tensor = torch.from_numpy(frame).permute(2, 0, 1)[None]
    expected = []
    for size in (48, 80, 120):
        stride = size // 2 if half else size
        columns = torch.nn.functional.unfold(tensor, size, stride=stride)  # [1, 3*size*size, k]
        cut = columns[0].T.reshape(-1, 3, size, size)
        expected.append(torch.nn.functional.interpolate(cut, (224, 224), mode="bilinear", align_corners=False))
    got = reference_pixels(frame, window_scales((48, 80, 120), half), 224)
    np.testing.assert_allclose(got, torch.cat(expected).numpy(), atol=1e-4)
