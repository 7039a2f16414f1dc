"""Muted colours, as cheap cameras see the world."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.shapes import Colour

SKIN: tuple[Colour, ...] = ((0.78, 0.6, 0.5), (0.68, 0.5, 0.4), (0.5, 0.36, 0.27), (0.33, 0.23, 0.18))
HAIR: tuple[Colour, ...] = ((0.1, 0.09, 0.08), (0.2, 0.14, 0.1), (0.36, 0.26, 0.17), (0.45, 0.44, 0.43))
CLOTHES: tuple[Colour, ...] = (
    (0.12, 0.13, 0.15), (0.2, 0.22, 0.28), (0.16, 0.2, 0.34), (0.4, 0.13, 0.13), (0.24, 0.3, 0.22),
    (0.5, 0.49, 0.47), (0.78, 0.77, 0.74), (0.52, 0.42, 0.32), (0.35, 0.45, 0.56), (0.58, 0.32, 0.24),
    (0.66, 0.58, 0.34), (0.36, 0.25, 0.36), (0.22, 0.38, 0.4), (0.64, 0.44, 0.46),
)  # fmt: skip
LEGWEAR: tuple[Colour, ...] = (
    (0.1, 0.1, 0.12), (0.16, 0.2, 0.3), (0.24, 0.3, 0.42), (0.36, 0.34, 0.32), (0.5, 0.44, 0.35),
    (0.14, 0.14, 0.14), (0.28, 0.26, 0.22), (0.58, 0.57, 0.55),
)  # fmt: skip
SHOES: tuple[Colour, ...] = ((0.1, 0.1, 0.1), (0.25, 0.18, 0.13), (0.72, 0.72, 0.7), (0.3, 0.3, 0.33))
PAINT: tuple[Colour, ...] = (
    (0.78, 0.78, 0.78), (0.6, 0.61, 0.62), (0.36, 0.37, 0.39), (0.1, 0.1, 0.11), (0.42, 0.1, 0.1),
    (0.13, 0.2, 0.38), (0.2, 0.3, 0.26), (0.56, 0.5, 0.4), (0.3, 0.42, 0.54), (0.62, 0.48, 0.18),
)  # fmt: skip
LUGGAGE: tuple[Colour, ...] = (
    (0.12, 0.12, 0.13), (0.18, 0.22, 0.34), (0.44, 0.14, 0.14), (0.36, 0.26, 0.18), (0.24, 0.3, 0.22),
    (0.5, 0.42, 0.24), (0.34, 0.36, 0.4), (0.54, 0.3, 0.16),
)  # fmt: skip
FUR: tuple[Colour, ...] = (
    (0.14, 0.12, 0.11), (0.4, 0.29, 0.18), (0.6, 0.5, 0.36), (0.72, 0.69, 0.64), (0.3, 0.2, 0.14),
)  # fmt: skip


def pick(rng: np.random.Generator, choices: tuple[Colour, ...], spread: float = 0.05) -> Colour:
    """One of the colours, a little off."""
    base = np.array(choices[int(rng.integers(len(choices)))])
    mixed = np.clip(base * rng.uniform(0.85, 1.15) + rng.normal(0, spread, 3) * 0.5, 0.04, 0.9)
    return (float(mixed[0]), float(mixed[1]), float(mixed[2]))
