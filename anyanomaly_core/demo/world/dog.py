"""A dog, walking, trotting or standing."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.palette import FUR, pick
from anyanomaly_core.demo.world.people import Motion
from anyanomaly_core.demo.world.shapes import Capsules, Colour, Parts, Point

Row = tuple[Point, Point, float, float, Colour]
_STRIDE = 0.95


def dog(seed: int, at: Motion) -> Parts:
    """One dog; breed (size, coat, ears, tail) drawn from the seed."""
    rng = np.random.default_rng(seed)
    coat, size = pick(rng, FUR), float(rng.uniform(1.05, 1.4))
    belly = tuple(min(c * float(rng.uniform(0.9, 1.5)), 0.9) for c in coat)
    patch: Colour = (belly[0], belly[1], belly[2])
    pricked, tail_up = bool(rng.random() < 0.5), float(rng.uniform(0.1, 0.4))
    wag = 0.1 * np.sin(at.t * 9)
    nod = 0.02 * np.sin(at.t * 3)
    rows: list[Row] = [
        ((-0.28, 0, 0.5), (0.24, 0, 0.5), 0.125, 0.15, coat),
        ((-0.1, 0, 0.46), (0.22, 0, 0.44), 0.11, 0.14, patch),
        ((0.26, 0, 0.56), (0.44, 0, 0.74 + nod), 0.105, 0.085, coat),
        ((0.45, 0, 0.77 + nod), (0.5, 0, 0.77 + nod), 0.105, 0.1, coat),
        ((0.52, 0, 0.74 + nod), (0.69, 0, 0.7 + nod), 0.065, 0.045, patch),
        ((0.7, 0, 0.71 + nod), (0.71, 0, 0.71 + nod), 0.028, 0.028, (0.05, 0.05, 0.05)),
        ((-0.36, 0, 0.55), (-0.58, wag, 0.58 + tail_up), 0.045, 0.025, coat),
    ]
    for side in (-0.075, 0.075):
        tip = (0.4, side * 1.2, 0.93 + nod) if pricked else (0.42, side * 1.7, 0.7 + nod)
        rows.append(((0.43, side, 0.84 + nod), tip, 0.04, 0.022, (coat[0] * 0.7, coat[1] * 0.7, coat[2] * 0.7)))
    rows += _legs(coat, at)
    return Parts(Capsules.of(rows).grounded().placed(at.x, at.y, at.heading, size))


def _legs(coat: Colour, at: Motion) -> list[Row]:
    rows: list[Row] = []
    amp = min(at.speed, 1.6) * 0.34 / 1.6 * 1.25
    for x, bend, phase in ((0.22, 0.12, 0.0), (-0.28, -0.3, 0.5)):
        for side, offset in ((0.09, 0.0), (-0.09, 0.5)):
            angle = 2 * np.pi * (at.travelled / _STRIDE + phase + offset)
            swing, lift = amp * float(np.sin(angle)), amp * 0.35 * max(float(np.cos(angle)), 0.0)
            knee = (x + swing * 0.5 + bend * 0.25, side, 0.27 + lift)
            foot = (x + swing - bend * 0.1, side, 0.035 + lift)
            rows.append(((x, side, 0.48), knee, 0.075 if x > 0 else 0.095, 0.046, coat))
            rows.append((knee, foot, 0.044, 0.032, coat))
            rows.append((foot, (foot[0] + 0.05, side, foot[2]), 0.036, 0.03, coat))
    return rows
