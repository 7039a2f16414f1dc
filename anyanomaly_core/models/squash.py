"""Images of any sizes to one square, which is what an encoder reads.

Bilinear, with antialiasing where an image shrinks, in whole numbers: faster than in floats or than PIL, and within a
grey level or two of both.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from anyanomaly_core.models.protocols import Image


def squash(images: Sequence[Image], size: tuple[int, int]) -> torch.Tensor:
    """Resize images of any sizes to one, ignoring their aspect: uint8 [n, 3, *size], channels last in memory.

    Args:
        images: n arrays, uint8 [H, W, 3]; those of one size are resized in one call.
        size: height and width.
    """
    out = torch.empty((len(images), 3, *size), dtype=torch.uint8, memory_format=torch.channels_last)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(index)
    for indices in by_shape.values():
        stacked: NDArray[np.uint8] = np.stack([images[i] for i in indices])  # [k, H, W, 3]
        out[indices] = _resize(stacked, size)
    return out


def squash_one(image: Image, side: int) -> Image:
    """One image, uint8 [H, W, 3], as [side, side, 3]."""
    if image.shape[:2] == (side, side):
        return image
    pixels = _resize(image[None], (side, side)).permute(0, 2, 3, 1)[0]
    return np.ascontiguousarray(pixels.numpy())


def _resize(images: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
    """[k, 3, *size] for [k, H, W, 3]; neither is copied where the size is that already."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)  # channels last in memory
    if images.shape[1:3] == size:
        return pixels
    return torch.nn.functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)
