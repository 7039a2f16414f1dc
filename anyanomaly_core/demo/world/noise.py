"""Tileable noise textures, made once, sampled everywhere."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

from anyanomaly_core.demo.world.types import Floats

SIZE = 512
_OCTAVES = {
    "fine": ((0.0, 0.6), (0.9, 0.8), (2.0, 0.7)),
    "patch": ((4.0, 0.5), (12.0, 1.0), (40.0, 1.0)),
    "cloud": ((2.0, 0.35), (6.0, 0.7), (18.0, 1.0), (50.0, 0.7)),
    "leaf": ((0.8, 0.6), (2.2, 1.0), (6.0, 0.9)),
}


@cache
def tile(kind: str) -> Floats:
    """A wrapping noise picture of zero mean and unit deviation [512, 512]."""
    rng = np.random.default_rng(sum(map(ord, kind)))
    total = np.zeros((SIZE, SIZE), np.float32)
    for sigma, weight in _OCTAVES[kind]:
        layer = rng.normal(0, 1, (SIZE, SIZE)).astype(np.float32)
        if sigma:
            layer = ndimage.gaussian_filter(layer, sigma, mode="wrap")
        total += weight * layer / layer.std()
    even: Floats = ((total - total.mean()) / total.std()).astype(np.float32)
    return even


def sample(kind: str, x: Floats, y: Floats, per_metre: float) -> Floats:
    """The texture at world coordinates (any shape), texels per metre given."""
    column = (x * per_metre).astype(np.int32) & (SIZE - 1)
    row = (y * per_metre).astype(np.int32) & (SIZE - 1)
    texels: Floats = tile(kind)[row, column]
    return texels
