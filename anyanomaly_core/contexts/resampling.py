"""Resizing, in two ways.

``shrink_or_grow`` is the default: PIL's bilinear filter, which averages when it shrinks, so that small things in a
large frame do not fall between the samples; whole frames go the same way, faster, through ``models/squash.py``.
``bilinear`` takes two neighbours per axis whatever the factor (half-pixel centres, borders repeated). That is what
torch's ``interpolate(mode="bilinear", align_corners=False)`` does, hence the reference implementation with maps and
windows; we use it for similarity maps always and for windows under ``reference_preprocessing``. ``opencv_bilinear`` is
OpenCV's own, which the reference resizes whole frames with: the same neighbours, in fixed point, to whole grey levels.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

Image = NDArray[np.uint8]  # [H, W, 3] RGB
Float01 = NDArray[np.float32]  # [H, W, 3] RGB in 0..1: how the reference implementation holds images


def shrink_or_grow(image: Image, height: int, width: int) -> Image:
    """uint8 [H, W, 3] -> uint8 [height, width, 3], antialiased bilinear, aspect not kept."""
    if image.shape[:2] == (height, width):
        return image
    resized = PilImage.fromarray(image).resize((width, height), PilImage.Resampling.BILINEAR)
    return np.asarray(resized)


def bilinear(images: NDArray[np.floating | np.integer], height: int, width: int) -> NDArray[np.float32]:
    """[..., H, W, C] -> float32 [..., height, width, C], two neighbours per axis."""
    values = np.asarray(images, np.float32)
    rows, row_share = _neighbours(values.shape[-3], height)  # [2, height]
    columns, column_share = _neighbours(values.shape[-2], width)  # [2, width]
    above, below = np.take(values, rows[0], -3), np.take(values, rows[1], -3)
    tall = above + (below - above) * row_share[:, None, None]  # [..., height, W, C]
    left, right = np.take(tall, columns[0], -2), np.take(tall, columns[1], -2)
    resized: NDArray[np.float32] = np.asarray(left + (right - left) * column_share[:, None], np.float32)
    return resized  # [..., height, width, C]


def opencv_bilinear(image: Image, height: int, width: int) -> Image:
    """uint8 [H, W, 3] -> uint8 [height, width, 3], as ``cv2.resize`` does by default."""
    import cv2  # noqa: PLC0415  # only reference_preprocessing needs it

    return np.asarray(cv2.resize(np.ascontiguousarray(image), (width, height)), np.uint8)


def bilinear_map(grid: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """[rows, cols] -> float32 [height, width], as ``bilinear``; two small matrix products."""
    product = _matrix(grid.shape[0], height) @ grid @ _matrix(grid.shape[1], width).T
    upsampled: NDArray[np.float32] = np.asarray(product, np.float32)
    return upsampled


@lru_cache(maxsize=64)
def _matrix(source: int, target: int) -> NDArray[np.float32]:
    """[target, source] weights of the source samples in each target sample."""
    (first, second), share = _neighbours(source, target)
    weights = np.zeros((target, source), np.float32)
    np.add.at(weights, (np.arange(target), first), 1 - share)
    np.add.at(weights, (np.arange(target), second), share)
    return weights


@lru_cache(maxsize=64)
def _neighbours(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of ``target`` samples its two source samples [2, target] and the share of the second [target]."""
    position = (np.arange(target) + 0.5) * (source / target) - 0.5
    position = np.clip(position, 0, source - 1)
    first = np.floor(position).astype(np.intp)
    second = np.minimum(first + 1, source - 1)
    return np.stack([first, second]), (position - first).astype(np.float32)
