"""What the ground looks like: asphalt, slabs, grass, kerbs, painted lines; seen under perspective."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.layout import Layout
from anyanomaly_core.demo.world.noise import sample
from anyanomaly_core.demo.world.types import Floats, Reals


def ground_colour(layout: Layout, x: Floats, y: Floats, pixel: Floats) -> Floats:
    """Albedo of the ground at world points (any shape); `pixel` is the size of a pixel there in metres."""
    rng = np.random.default_rng((layout.seed, 11))
    paint = {
        "street": _street, "plaza": _plaza, "car park": _car_park,
        "park": _park, "entrance": _plaza, "alley": _alley,
    }[layout.kind]  # fmt: skip
    colour = paint(layout, rng, x, y, pixel)
    wear = sample("patch", x, y, 22.0) * 0.06 + sample("cloud", y, x, 9.0) * 0.05
    grit = sample("fine", x, y, 40.0) * (0.07 / (1.0 + (pixel / 0.05) ** 2))
    return np.asarray(colour * (1.0 + wear + grit), np.float32)


def _flat(x: Floats, colour: tuple[float, float, float]) -> Floats:
    return np.ones((3, *x.shape), np.float32) * np.array(colour, np.float32)[:, None, None]


def _stripe(value: Reals, centre: float, half: float, pixel: Floats) -> Floats:
    """Coverage of a band around a value, softened by the pixel size."""
    cover: Floats = np.clip((half - np.abs(value - centre)) / pixel + 0.5, 0.0, 1.0) * np.minimum(2 * half / pixel, 1.0)
    return cover


def _joints(x: Floats, y: Floats, width: float, length: float, gap: float, pixel: Floats) -> Floats:
    """Coverage of the gaps of a running bond of slabs."""
    row = np.floor(y / length)
    u = np.abs((x / width + 0.5 * (row % 2)) % 1.0 - 0.5) * width
    v = np.abs((y / length) % 1.0 - 0.5) * length
    near = np.minimum(width / 2 - u, length / 2 - v)
    line = np.clip((gap - near) / pixel + 0.5, 0, 1) * np.minimum(2 * gap / pixel, 1.0)
    return np.asarray(line * np.clip(1.4 - pixel / (0.35 * length), 0, 1), np.float32)


def _mix(under: Floats, over: Floats | tuple[float, float, float], share: Floats) -> Floats:
    top = np.array(over, np.float32)[:, None, None] if isinstance(over, tuple) else over
    return np.asarray(under + (top - under) * share, np.float32)


def _asphalt(x: Floats, rng: np.random.Generator) -> Floats:
    level = float(rng.uniform(0.3, 0.44))
    return _flat(x, (level, level * 1.0, level * float(rng.uniform(0.98, 1.06))))


def _slabs(rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    tone = np.array([(0.55, 0.53, 0.5), (0.5, 0.44, 0.39), (0.46, 0.46, 0.46), (0.6, 0.56, 0.48)][rng.integers(4)])
    width, length = float(rng.choice([0.3, 0.4, 0.6])), float(rng.choice([0.3, 0.4, 0.5]))
    row, column = np.floor(y / length), np.floor(x / width + 0.5 * (np.floor(y / length) % 2))
    odd = sample("fine", column, row, 7.3) * 0.05 / (1 + (pixel / 0.2) ** 2)
    base = _flat(x, (float(tone[0]), float(tone[1]), float(tone[2]))) * (1 + odd)
    return _mix(base, (float(tone[0] * 0.7), float(tone[1] * 0.7), float(tone[2] * 0.7)),
                _joints(x, y, width, length, 0.018, pixel))  # fmt: skip


def _street(layout: Layout, rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    kerb, wide = float(rng.uniform(4.2, 5.6)), float(rng.uniform(5.6, 6.6))
    road, pavement = _asphalt(x, rng) * 0.9, _slabs(rng, x, y, pixel)
    on_road = np.clip((y - kerb) / pixel + 0.5, 0, 1) * np.clip((kerb + wide - y) / pixel + 0.5, 0, 1)
    out = _mix(pavement, road, on_road)
    for edge in (kerb, kerb + wide):
        out = _mix(out, (0.62, 0.61, 0.58), _stripe(y, edge, 0.09, pixel))
    out = _mix(out, (0.2, 0.2, 0.2), _stripe(y, kerb + 0.2, 0.06, pixel))
    out = _mix(out, (0.24, 0.24, 0.24), _stripe(y, kerb + wide - 0.2, 0.06, pixel))
    worn = np.clip(0.75 + 0.3 * sample("cloud", x, y, 30.0), 0.2, 1.0)
    dash = ((x / 4.0) % 1.0 < 0.5).astype(np.float32)
    out = _mix(out, (0.72, 0.71, 0.66), _stripe(y, kerb + wide / 2, 0.07, pixel) * dash * worn)
    if rng.random() < 0.4:
        start = float(rng.uniform(-3, 2))
        bars = ((x / 1.0) % 1.0 < 0.5) & (x > start) & (x < start + 3.5)
        inside = (y > kerb + 0.4) & (y < kerb + wide - 0.4)
        out = _mix(out, (0.74, 0.73, 0.69), (bars & inside) * worn * 0.9)
    return out


def _plaza(layout: Layout, rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    out = _slabs(rng, x, y, pixel)
    if rng.random() < 0.6:
        step, tone = float(rng.uniform(3.0, 5.0)), float(rng.uniform(0.72, 1.2))
        band = np.maximum(_stripe(x % step, step / 2, 0.2, pixel), _stripe(y % step, step / 2, 0.2, pixel))
        out = _mix(out, out * tone, band)
    drain = float(rng.uniform(6, 12))
    return _mix(out, (0.2, 0.2, 0.2), _stripe(y, drain, 0.07, pixel) * 0.8)


def _car_park(layout: Layout, rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    out = _asphalt(x, rng)
    worn = np.clip(0.7 + 0.35 * sample("cloud", x, y, 30.0), 0.1, 1.0)
    slant, offset = float(rng.choice([0.0, 0.35, -0.35])), float(rng.uniform(0, 2.4))
    white = (0.7, 0.7, 0.66) if rng.random() < 0.8 else (0.66, 0.58, 0.3)
    for near, far in ((4.0, 8.6), (13.6, 18.4)):
        bays = _stripe((x + slant * y + offset) % 2.6, 1.3, 0.055, pixel)
        inside = ((y > near) & (y < far)).astype(np.float32)
        out = _mix(out, white, bays * inside * worn)
        out = _mix(out, white, _stripe(y, near if near > 10 else far, 0.055, pixel) * worn)
    stains = np.clip(sample("cloud", x + 5, y, 26.0) - 1.2, 0, 1)
    return _mix(out, out * 0.7, stains)


def _grass(rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    level = float(rng.uniform(0.85, 1.1))
    base = _flat(x, (0.27 * level, 0.34 * level, 0.17 * level))
    blades = sample("leaf", x, y * 0.7, 26.0) * 0.16 / (1 + (pixel / 0.1) ** 2)
    dry = np.clip(sample("cloud", x, y, 12.0) * 0.5, 0, 1)
    return _mix(base * (1 + blades), (0.4, 0.37, 0.23), dry * 0.5)


def _park(layout: Layout, rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    grass = _grass(rng, x, y, pixel)
    tone = (0.55, 0.49, 0.41) if rng.random() < 0.5 else (0.42, 0.42, 0.42)
    path = _flat(x, tone) * (1 + 0.06 * sample("leaf", x, y, 50.0) / (1 + (pixel / 0.06) ** 2))
    bend, phase, half = float(rng.uniform(0.4, 1.6)), float(rng.uniform(0, 6)), float(rng.uniform(1.3, 2.2))
    slope = float(rng.uniform(-0.35, 0.35))
    along = x - slope * (y - 9) - bend * np.sin(y / 5.0 + phase)
    share = np.clip((half - np.abs(along)) / np.maximum(pixel, 0.12) + 0.5, 0, 1)
    if rng.random() < 0.6:
        cross = y - float(rng.uniform(7, 11)) - 0.6 * np.sin(x / 4.0)
        share = np.maximum(share, np.clip((1.5 - np.abs(cross)) / np.maximum(pixel, 0.12) + 0.5, 0, 1))
    return _mix(grass, path, share)


def _alley(layout: Layout, rng: np.random.Generator, x: Floats, y: Floats, pixel: Floats) -> Floats:
    setts = rng.random() < 0.5
    out = _slabs(rng, x, y, pixel) * 0.8 if setts else _asphalt(x, rng)
    gutter = float(rng.uniform(-0.5, 0.5))
    return _mix(out, out * 0.6, _stripe(x, gutter, 0.16, pixel))
