"""Images of any sizes to the one square an encoder reads."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from anyanomaly_core.models.protocols import Image


def squash(images: Sequence[Image], size: tuple[int, int]) -> torch.Tensor:
    """Resize images of any sizes to one, ignoring their aspect: uint8 [n, 3, *size].

    Bilinear, with antialiasing where an image shrinks. Images of one size are resized in one call, in whole numbers,
    which is several times faster than in floats.

    Args:
        images: n arrays, uint8 [H, W, 3].
        size: height and width.
    """
    out = torch.empty((len(images), 3, *size), dtype=torch.uint8)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(index)
    for shape, indices in by_shape.items():
        stacked: NDArray[np.uint8] = np.stack([images[i] for i in indices])  # [k, H, W, 3]
        group = torch.from_numpy(stacked).permute(0, 3, 1, 2)  # [k, 3, H, W], channels last in memory
        if shape[:2] != size:
            group = torch.nn.functional.interpolate(group, size=size, mode="bilinear", antialias=True)
        out[indices] = group
    return out
