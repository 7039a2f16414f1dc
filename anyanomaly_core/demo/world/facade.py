"""Façades: bricks or render, windows, doors, shutters, shop fronts, hedges."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.layout import Wall
from anyanomaly_core.demo.world.noise import sample
from anyanomaly_core.demo.world.types import Floats

_TONES = (
    (0.5, 0.33, 0.27), (0.62, 0.58, 0.5), (0.55, 0.5, 0.44), (0.42, 0.4, 0.38), (0.66, 0.6, 0.48),
    (0.46, 0.38, 0.33), (0.58, 0.58, 0.57), (0.5, 0.45, 0.36),
)  # fmt: skip


def facade_colour(wall: Wall, s: Floats, z: Floats, pixel: Floats) -> tuple[Floats, Floats]:
    """Albedo [3, N] and window glow [N] at points (along, height) of a wall [N]."""
    rng = np.random.default_rng(wall.seed)
    if wall.style == "hedge":
        return _hedge(s, z), np.zeros_like(s)
    tone = np.array(_TONES[int(rng.integers(len(_TONES)))], np.float32) * float(rng.uniform(0.85, 1.1))
    colour = tone[:, None] * _surface(rng, s, z, pixel)
    colour = _fill(colour, z < 0.45, tone * 0.72)
    colour = _fill(colour, np.abs(z - wall.height + 0.12) < 0.14, tone * 0.75)
    glow = np.zeros_like(s)
    bay = float(rng.uniform(2.3, 3.4))
    count = max(int(wall.length / bay), 1)
    bay = wall.length / count
    index = np.floor(s / bay)
    u = s - (index + 0.5) * bay
    colour, glow = _windows(rng, colour, glow, u, z, index, first=3.0 if wall.style != "plain" else 99.0)
    ground = {"house": _doors, "shops": _shops, "garage": _garages, "plain": _bare}[wall.style]
    colour, glow = ground(rng, colour, glow, u, z, index, bay)
    streak = np.clip(sample("cloud", s * 3.0, z * 0.25, 20.0), 0, 2) * 0.07 * np.clip(z / wall.height + 0.3, 0, 1)
    pipe = np.abs(s - 0.25) < 0.06
    colour = _fill(colour * (1 - streak), pipe, np.array((0.3, 0.3, 0.3), np.float32))
    return colour.astype(np.float32), glow.astype(np.float32)


def _surface(rng: np.random.Generator, s: Floats, z: Floats, pixel: Floats) -> Floats:
    plaster = 1 + 0.06 * sample("patch", s, z, 30.0) + 0.04 * sample("fine", s, z, 30.0)
    if rng.random() < 0.45:
        return plaster
    length, height = float(rng.choice([0.3, 0.5])), float(rng.choice([0.12, 0.2]))
    row = np.floor(z / height)
    u, v = (s / length + 0.5 * (row % 2)) % 1.0 * length, z % height
    line = ((u < 0.025) | (v < 0.025)) * np.clip(1.5 - pixel / (height * 0.4), 0, 1)
    brick = sample("fine", np.floor(s / length + 0.5 * (row % 2)), row, 5.7)
    return np.asarray(plaster * (1 - 0.16 * line) + 0.05 * brick / (1 + pixel / 0.1), np.float32)


def _fill(colour: Floats, where: Floats | np.ndarray[tuple[int, ...], np.dtype[np.bool_]], tone: Floats) -> Floats:
    return np.where(where, tone[:, None] if tone.ndim == 1 else tone, colour).astype(np.float32)


def _pane(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats,
    low: float, half: float, tall: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """One window per bay: frame, glass that mirrors the sky toward the top, a glazing bar, a sill."""
    frame = np.array((0.7, 0.69, 0.66) if rng.random() < 0.6 else (0.25, 0.22, 0.2), np.float32)
    inside = (np.abs(u) < half) & (z > low) & (z < low + tall)
    colour = _fill(colour, (np.abs(u) < half + 0.09) & (z > low - 0.12) & (z < low + tall + 0.08), frame)
    up = np.clip((z - low) / tall, 0, 1)
    curtain = sample("fine", index + 3.1, np.full_like(index, float(rng.integers(90))), 9.7)
    sky = np.stack([0.17 + 0.2 * up, 0.2 + 0.21 * up, 0.23 + 0.23 * up]) * (1 + 0.16 * curtain)
    sky = np.where((curtain > 0.8) & (np.abs(u) > half * 0.45), 0.5, sky)
    colour = _fill(colour, inside, np.asarray(sky, np.float32))
    bars = inside & ((np.abs(u) < 0.035) | (np.abs(z - low - tall * 0.55) < 0.035))
    colour = _fill(colour, bars, frame * 0.9)
    lit = sample("fine", index + 40.0, np.full_like(index, float(rng.integers(90))), 9.7) > 0.9
    return colour, np.where(inside & ~bars & lit, 0.75 + 0.15 * up, glow)


def _windows(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats, first: float
) -> tuple[Floats, Floats]:
    half, tall, step = float(rng.uniform(0.45, 0.75)), float(rng.uniform(1.2, 1.6)), float(rng.uniform(2.8, 3.2))
    for floor in range(3):
        low = first + 0.75 + floor * step
        if low < float(z.max()):
            colour, glow = _pane(rng, colour, glow, u, z, index, low, half, tall)
    return colour, glow


def _doors(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats, bay: float
) -> tuple[Floats, Floats]:
    colour, glow = _pane(rng, colour, glow, u, z, index, 0.95, 0.5, 1.35)
    wood = np.array([(0.26, 0.17, 0.12), (0.2, 0.26, 0.24), (0.18, 0.2, 0.27)][int(rng.integers(3))], np.float32)
    here = (index % 3) == int(rng.integers(3))
    colour = _fill(colour, here & (np.abs(u) < 0.72) & (z < 2.6), np.array((0.6, 0.58, 0.54), np.float32))
    door = here & (np.abs(u) < 0.52) & (z < 2.15)
    panel = door & (np.abs(np.abs(u) - 0.26) < 0.17) & ((z % 0.95) > 0.18)
    colour = _fill(_fill(colour, door, wood), panel, wood * 0.8)
    return colour, np.where(here & (z < 2.6), 0, glow)


def _shops(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats, bay: float
) -> tuple[Floats, Floats]:
    board = np.array([(0.18, 0.24, 0.22), (0.3, 0.15, 0.14), (0.2, 0.22, 0.3), (0.5, 0.47, 0.4)][int(rng.integers(4))])
    tone = np.asarray(board, np.float32)
    shut = ((index + int(rng.integers(3))) % 3) == 0
    front = (np.abs(u) < bay / 2 - 0.2) & (z > 0.4) & (z < 2.45)
    up = np.clip(z / 2.5, 0, 1)
    glass = np.stack([0.15 + 0.12 * up, 0.16 + 0.13 * up, 0.18 + 0.14 * up])
    wares = sample("patch", u + index * 3, z, 60.0)
    glass = glass * (1 + 0.3 * np.clip(wares, -1, 1.5) * (z < 1.4))
    colour = _fill(colour, front & ~shut, np.asarray(glass, np.float32))
    ribs = 0.46 + 0.06 * ((z / 0.16) % 1.0 < 0.5)
    colour = _fill(colour, front & shut, np.asarray(np.stack([ribs, ribs, ribs * 0.98]), np.float32))
    colour = _fill(colour, front & ~shut & ((np.abs(u) < 0.04) | (np.abs(np.abs(u) - bay / 2 + 0.24) < 0.05)), tone)
    sign = (z > 2.45) & (z < 3.0)
    letters = (
        sign & (np.abs(z - 2.72) < 0.13) & (np.abs(u) < bay * 0.3) & (sample("patch", u * 2 + index, z * 0.2, 60.0) > 0)
    )
    colour = _fill(_fill(colour, sign, tone), letters, np.array((0.68, 0.66, 0.6), np.float32))
    lit = ((index + int(rng.integers(4))) % 4) == 0
    return colour, np.where(front & ~shut & lit, 0.7 * (0.6 + 0.4 * up), glow)


def _garages(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats, bay: float
) -> tuple[Floats, Floats]:
    level = float(rng.uniform(0.35, 0.55))
    tint = np.array((level, level * float(rng.uniform(0.95, 1.02)), level * float(rng.uniform(0.9, 1.05))), np.float32)
    wide = min(bay / 2 - 0.25, 1.35)
    door = (np.abs(u) < wide) & (z < 2.3)
    colour = _fill(colour, (np.abs(u) < wide + 0.12) & (z < 2.42), tint * 0.6)
    rib = (1 - 0.16 * ((z / 0.22) % 1.0 < 0.14))[None] * tint[:, None]
    return _fill(colour, door, np.asarray(rib, np.float32)), glow


def _bare(
    rng: np.random.Generator, colour: Floats, glow: Floats, u: Floats, z: Floats, index: Floats, bay: float
) -> tuple[Floats, Floats]:
    return _fill(colour, (np.abs(u - bay / 2) < 0.07) & (index % 2 == 0), colour * 0.8), glow


def _hedge(s: Floats, z: Floats) -> Floats:
    leaf = 1 + 0.28 * sample("leaf", s, z, 20.0) + 0.2 * sample("cloud", s, z, 24.0) + 0.12 * (z - 1.3)
    return np.asarray(np.array((0.17, 0.23, 0.12), np.float32)[:, None] * np.clip(leaf, 0.2, 1.9), np.float32)
