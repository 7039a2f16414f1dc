"""Position context: the key frame, bright where its windows match the text (paper section 3.3, after WinCLIP)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.resampling import Image, bilinear_map, opencv_bilinear
from anyanomaly_core.contexts.windows import WindowScale

Float32 = NDArray[np.float32]

SIDE = 224  # of a context image
CONSTANT = 1e-6  # a map that varies less says nothing about position


def class_probabilities(windows: Float32, classes: Float32, logit_scale: float) -> Float32:
    """[K] how much each window matches the first class rather than the others.

    A softmax over the classes. One class alone has no contrast (the softmax would be 1 everywhere); then the
    plain cosines are returned.

    Args:
        windows: [K, d].
        classes: [C, d], the text itself first.
        logit_scale: what cosines are multiplied with; 1 repeats the reference implementation.
    """
    cosines = windows.astype(np.float64) @ classes.astype(np.float64).T  # [K, C]
    if classes.shape[0] == 1:
        return cosines[:, 0].astype(np.float32)
    logits = logit_scale * cosines
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability: Float32 = (weights[:, 0] / weights.sum(axis=1)).astype(np.float32)
    return probability


def similarity_map(values: Float32, scales: Sequence[WindowScale]) -> Float32:
    """float32 [224, 224]: the maps of all scales, upsampled bilinearly and averaged.

    Args:
        values: [K] one per window, scales in order, row by row.
        scales: the window scales, K windows in all.
    """
    total = np.zeros((SIDE, SIDE), np.float32)
    start = 0
    for scale in scales:
        grid = values[start : start + scale.count].reshape(scale.rows, scale.cols)
        total += bilinear_map(grid, SIDE, SIDE)
        start += scale.count
    return total / np.float32(len(scales))


def attention(similarity: Float32) -> Float32:
    """A map stretched to 0..1; a constant map becomes all ones, so that the whole frame stays visible."""
    low, high = float(similarity.min()), float(similarity.max())
    if high - low < CONSTANT:
        return np.ones_like(similarity)
    stretched: Float32 = (similarity - np.float32(low)) / np.float32(high - low)
    return stretched.clip(0, 1)


def reference_frame224(image: Image) -> Image:
    """A frame as uint8 [224, 224, 3], resized as the reference implementation does."""
    return opencv_bilinear(image, SIDE, SIDE)


def context_image(frame: Image, attention_map: Float32) -> Image:
    """uint8 [224, 224, 3]: the key frame [224, 224, 3] times the map [224, 224]."""
    darkened: Image = np.rint(frame * attention_map[:, :, None]).astype(np.uint8)
    return darkened


def reference_context_image(frame: Image, attention_map: Float32) -> Image:
    """As ``context_image``, but cut off instead of rounded, as the reference implementation does."""
    darkened: Image = (frame * attention_map[:, :, None]).astype(np.uint8)
    return darkened
