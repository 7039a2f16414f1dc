"""Smoke and flames: soft puffs that rise, grow and drift."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from anyanomaly_core.demo.world.noise import tile
from anyanomaly_core.demo.world.shapes import Capsules, Parts, Puff

SPRITES = 6


@lru_cache(maxsize=1)
def puff_sprites() -> tuple[Image.Image, ...]:
    """Ragged soft discs (single channel, 64 x 64)."""
    axis = np.linspace(-1, 1, 64, dtype=np.float32)
    radius = np.hypot(axis[None, :], axis[:, None])
    made = []
    for index in range(SPRITES):
        y, x = 70 * index % 440, 53 * index % 440
        ragged = tile("cloud")[y : y + 64, x : x + 64]
        body = np.clip(1.15 - radius * 1.25 + ragged * 0.28, 0, 1) * np.clip((1 - radius) * 4, 0, 1)
        made.append(Image.fromarray((np.clip(body, 0, 1) * 255).astype(np.uint8)))
    return tuple(made)


def plume(seed: int, x: float, y: float, t: float, *, height: float, dark: float, flames: bool) -> Parts:
    """The smoke above a point at time t: puffs are born steadily and are a function of time only."""
    rng = np.random.default_rng(seed)
    count, life = 38, 3.6
    births = rng.random(count)
    jitter = rng.normal(0, 1, (count, 3))
    wind = rng.uniform(-0.45, 0.45, 2)
    puffs = []
    for i in range(count):
        age = (births[i] + t / life) % 1.0
        rise = age**0.8 * height
        grow = 0.28 + 0.85 * age
        alpha = 0.8 * min(age * 9, 1.0) * (1 - age) ** 0.7
        swirl = 0.16 * np.sin(t * 1.3 + i)
        px = x + wind[0] * rise + jitter[i, 0] * 0.13 * (1 + age) + swirl * age
        py = y + wind[1] * rise * 0.5 + jitter[i, 1] * 0.1
        shade = float(np.clip(dark + 0.06 * jitter[i, 2] + 0.1 * age, 0.05, 0.9))
        colour = (shade, shade, shade * 1.02)
        puffs.append(Puff((px, py, 0.45 + rise), grow, colour, float(alpha), i % SPRITES, 0.12))
    puffs.sort(key=lambda puff: -puff.centre[2])
    if flames:
        puffs += _flames(rng, x, y, t)
    source: Capsules | None = None
    if rng.random() < 0.5:  # a burning bin
        rows = [((x, y, 0.22), (x, y, 0.62), 0.26, 0.28, (0.17, 0.18, 0.18))]
        source = Capsules.of(rows)
    return Parts(source, puffs=puffs)


def _flames(rng: np.random.Generator, x: float, y: float, t: float) -> list[Puff]:
    made = []
    for i in range(12):
        age = (rng.random() + t * 1.7) % 1.0
        wobble = 0.1 * np.sin(t * 9 + i * 2.1)
        hot = 1 - age
        colour = (1.0, 0.38 + 0.5 * hot, 0.1 + 0.45 * hot * hot)
        centre = (x + wobble + float(rng.normal(0, 0.12)), y - 0.12, 0.3 + age * 0.95)
        made.append(Puff(centre, 0.3 * (1.1 - age * 0.75), colour, 0.8 * (1 - age * 0.6), i % SPRITES, 1.0))
    return sorted(made, key=lambda puff: -puff.centre[2])
