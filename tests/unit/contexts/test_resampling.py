import numpy as np
import pytest
import torch

from anyanomaly_core.contexts.resampling import bilinear, bilinear_map, shrink_or_grow


def test_bilinear_golden_by_hand() -> None:
    # 2 -> 4 samples: centres at -0.25, 0.25, 0.75, 1.25 of the source, clamped to its first and last sample
    grid = np.array([[0.0, 4.0]], np.float32)
    np.testing.assert_allclose(bilinear_map(grid, 1, 4), [[0.0, 1.0, 3.0, 4.0]])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (5, 5), (9, 9), (480, 270)])
@pytest.mark.parametrize("target", [(224, 224), (240, 240), (112, 112)])
def test_bilinear_is_torch_interpolate(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((2, *size, 3), dtype=np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(0, 3, 1, 2), size=target, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(bilinear(image, *target), expected.permute(0, 2, 3, 1).numpy(), atol=1e-4)
    np.testing.assert_allclose(bilinear_map(image[0, :, :, 0], *target), expected[0, 0].numpy(), atol=1e-4)


def test_bilinear_of_uint8_keeps_fractions() -> None:
    image = np.array([[[0, 0, 0], [1, 1, 1]]], np.uint8)
    np.testing.assert_allclose(bilinear(image, 1, 4)[0, :, 0], [0, 0.25, 0.75, 1])


def test_default_resizing_averages_when_it_shrinks() -> None:
    stripes = np.zeros((8, 80, 3), np.uint8)
    stripes[:, ::10] = 250  # one bright column in ten
    assert abs(float(shrink_or_grow(stripes, 8, 8)[:, 1:-1].mean()) - 25) < 6  # nothing falls between the samples
    assert bilinear(stripes, 8, 8).max() == 0  # the two-neighbour way misses them all


def test_same_size_is_the_same_image() -> None:
    image = np.zeros((224, 224, 3), np.uint8)
    assert shrink_or_grow(image, 224, 224) is image
