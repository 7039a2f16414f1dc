"""Trees and bushes: ragged crowns of lit and shaded leaf clumps, as picture patches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage

from anyanomaly_core.demo.world.noise import tile
from anyanomaly_core.demo.world.types import Floats

PATCH = 160


@lru_cache(maxsize=24)
def crown(kind: int) -> tuple[Floats, Floats]:
    """A crown's leaf shade and coverage, both [160, 160]; a few kinds serve all trees."""
    rng = np.random.default_rng(1000 + kind)
    axis = np.linspace(-1, 1, PATCH, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    body = np.full((PATCH, PATCH), -1.0, np.float32)
    light = np.zeros((PATCH, PATCH), np.float32)
    for _ in range(26):
        cx, cy = rng.normal(0, 0.36), rng.normal(0.0, 0.34)
        radius = rng.uniform(0.22, 0.38)
        near = 1 - np.hypot(x - cx, y - cy) / radius
        wins = near > body
        body = np.where(wins, near, body)
        light = np.where(wins, -(y - cy) / radius * 0.5 - (x - cx) / radius * 0.2 - cy * 0.35, light)
    row, column = int(rng.integers(350)), int(rng.integers(350))
    leaves = tile("leaf")[row : row + PATCH, column : column + PATCH]
    edge = np.clip((1 - np.hypot(x, y)) * 6, 0, 1)
    cover = np.clip((body + 0.16 * leaves) * 4 + 0.3, 0, 1) * edge
    shade = np.clip(0.72 + 0.34 * light + 0.22 * leaves, 0.15, 1.6)
    return ndimage.gaussian_filter(shade, 0.6), ndimage.gaussian_filter(cover, 0.6)


def crown_at(kind: int, width: int, height: int) -> tuple[Floats, Floats]:
    """A crown resized to a patch of the picture (shade, cover) [height, width]."""
    shade, cover = crown(kind)
    rows = np.linspace(0, PATCH - 1, height)
    columns = np.linspace(0, PATCH - 1, width)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"))  # [2, height, width]
    return (
        ndimage.map_coordinates(shade, grid, order=1).astype(np.float32),
        ndimage.map_coordinates(cover, grid, order=1).astype(np.float32),
    )
