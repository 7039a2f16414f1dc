"""Checks and resizing of the images that go into the models."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PilImage

from anyanomaly_core.models.protocols import Image


def image_problem(image: Image) -> str | None:
    """Why ``image`` cannot be shown to a model; None when it can: uint8 [H, W, 3] with H, W >= 1."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return f"an image must be a uint8 array, this is {getattr(image, 'dtype', type(image).__name__)}"
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:  # noqa: PLR2004
        return f"an image must have shape [H, W, 3], this one has {image.shape}"
    return None


def limit_side(image: Image, longest: int | None) -> Image:
    """``image`` shrunk (bicubic, aspect kept) until its longest side is at most ``longest`` pixels; None: as it is.

    The result is writable, which torch asks for.
    """
    height, width = image.shape[:2]
    if longest is None or max(height, width) <= longest:
        return image if image.flags.writeable else image.copy()
    factor = longest / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.array(PilImage.fromarray(image).resize(size, PilImage.Resampling.BICUBIC))


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
