import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anyanomaly_core.contexts.position import (
    attention,
    class_probabilities,
    context_image,
    reference_context_image,
    reference_frame224,
    similarity_map,
)
from anyanomaly_core.contexts.windows import window_scales

SCALES = window_scales((48, 80, 120), False)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def slow_reference_attention(windows: np.ndarray, classes: np.ndarray, scale: float) -> np.ndarray:
    """The paper's position attention with torch, window by window: independent of the code under test."""
    maps = []
    start = 0
    for side in (5, 3, 2):
        values = torch.zeros(side, side)
        for row in range(side):
            for col in range(side):
                cosines = torch.tensor([float(np.dot(c, windows[start])) for c in classes])
                values[row, col] = torch.softmax(cosines * scale, 0)[0]
                start += 1
        maps.append(torch.nn.functional.interpolate(values[None, None], (224, 224), mode="bilinear")[0, 0])
    total = (maps[0] + maps[1] + maps[2]) / 3
    return ((total - total.min()) / (total.max() - total.min())).numpy()


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("seed", range(3))
def test_attention_agrees_with_the_slow_reference(scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = unit(rng.normal(size=(11, 64)))
    windows = unit(rng.normal(size=(38, 64)) + 2 * classes[rng.integers(0, 11, 38)])
    ours = attention(similarity_map(class_probabilities(windows, classes, scale), SCALES))
    np.testing.assert_allclose(ours, slow_reference_attention(windows, classes, scale), atol=1e-3)


def test_class_adaption_by_hand() -> None:
    classes = np.array([[1, 0], [0, 1]], np.float32)
    windows = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    # softmax of (1, 0), (0, 1), (0.6, 0.8): 1 / (1 + e^-1), 1 / (1 + e), 1 / (1 + e^0.2)
    np.testing.assert_allclose(class_probabilities(windows, classes, 1.0), [0.7310586, 0.2689414, 0.4501660], atol=1e-6)
    # logit scale 10: 1 / (1 + e^2) for the third
    np.testing.assert_allclose(class_probabilities(windows, classes, 10.0)[2], 0.1192029, atol=1e-6)


def test_one_class_alone_gives_plain_cosines() -> None:
    windows = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    np.testing.assert_allclose(
        class_probabilities(windows, np.array([[1, 0]], np.float32), 100.0), [1, 0, 0.6], atol=1e-6
    )


def test_large_logit_scales_do_not_overflow() -> None:
    classes, windows = unit(np.eye(3)), unit(-np.eye(3))
    assert np.isfinite(class_probabilities(windows, classes, 1e6)).all()


def test_constant_maps_become_all_ones() -> None:
    for value in (0.0, 1.0, 0.3):
        assert (attention(similarity_map(np.full(38, value, np.float32), SCALES)) == 1).all()


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float32, 38, elements=st.floats(-1, 1, width=32)))
def test_attention_is_within_0_and_1(values: np.ndarray) -> None:
    result = attention(similarity_map(values, SCALES))
    assert result.shape == (224, 224)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() == 1
    assert result.min() == 0 or (result == 1).all()


def test_the_map_is_bright_where_the_window_matches() -> None:
    values = np.zeros(38, np.float32)
    values[4] = 1.0  # small scale, first row, last column
    result = attention(similarity_map(values, SCALES))
    y, x = np.unravel_index(result.argmax(), result.shape)
    assert y < 45
    assert x > 224 - 45


def test_context_image_is_frame_times_map() -> None:
    frame = np.full((224, 224, 3), 200, np.uint8)
    ramp = np.tile(np.linspace(0, 1, 224, dtype=np.float32), (224, 1))
    image = context_image(frame, ramp)
    assert (image[:, 0] == 0).all()
    assert (image[:, -1] == 200).all()
    assert (image[0, 100] == round(200 * 100 / 223)).all()
    assert (reference_context_image(frame, ramp)[0, 100] == int(200 * 100 / 223)).all()
    np.testing.assert_array_equal(context_image(frame, np.ones((224, 224), np.float32)), frame)


def test_reference_frame_is_opencvs_and_within_a_level_of_torch() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    tensor = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(tensor, (224, 224), mode="bilinear", align_corners=False)[0]
    difference = reference_frame224(frame).astype(float) - expected.permute(1, 2, 0).numpy()
    assert np.abs(difference).max() < 1  # OpenCV computes in fixed point
    assert np.array_equal(reference_frame224(frame), cv2.resize(frame, (224, 224)))
