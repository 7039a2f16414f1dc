"""Cars: a lofted body with a glass house, wheels, lamps and a number plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world.palette import PAINT, pick
from anyanomaly_core.demo.world.shapes import Colour, Face, Mesh, disc
from anyanomaly_core.demo.world.types import Floats

_GLASS: Colour = (0.12, 0.14, 0.16)
_TRIM: Colour = (0.08, 0.08, 0.085)


@dataclass(frozen=True)
class _Shape:
    """Side profile of the body (x, z) from the front sill over the top to the rear sill; the glass house."""

    body: tuple[tuple[float, float], ...]
    base: tuple[float, float]  # x of the glass house at the belt, front and rear
    roof: tuple[float, float]  # x of the roof, front and rear
    top: float
    wheels: tuple[float, float]
    width: float


_SHAPES = (
    _Shape(  # saloon
        ((2.12, 0.24), (2.2, 0.5), (2.1, 0.74), (0.95, 0.93), (-1.35, 0.97), (-2.1, 0.93), (-2.2, 0.6), (-2.12, 0.24)),
        (0.98, -1.5), (0.2, -0.85), 1.45, (1.35, -1.35), 1.76,
    ),
    _Shape(  # hatchback
        ((1.88, 0.24), (1.96, 0.5), (1.86, 0.76), (0.95, 0.95), (-1.6, 1.0), (-1.86, 0.95), (-1.92, 0.5), (-1.84, 0.24)),
        (1.0, -1.8), (0.25, -1.45), 1.5, (1.2, -1.2), 1.72,
    ),
    _Shape(  # tall car
        ((2.1, 0.3), (2.2, 0.6), (2.12, 0.9), (1.05, 1.08), (-1.9, 1.12), (-2.1, 1.05), (-2.18, 0.6), (-2.1, 0.3)),
        (1.12, -2.05), (0.45, -1.8), 1.75, (1.35, -1.35), 1.86,
    ),
    _Shape(  # van
        ((2.3, 0.3), (2.38, 0.6), (2.3, 1.0), (1.7, 1.2), (-2.2, 1.25), (-2.36, 1.2), (-2.38, 0.6), (-2.3, 0.3)),
        (1.75, -2.34), (1.15, -2.28), 2.05, (1.55, -1.5), 1.9,
    ),
)  # fmt: skip


def car(seed: int, *, lamps_on: bool = False) -> Mesh:
    """A car in local axes, pointing to +x."""
    rng = np.random.default_rng(seed)
    paint = pick(rng, PAINT, 0.03)
    shape = _SHAPES[int(rng.integers(len(_SHAPES)))]
    faces = _underside(shape) + _body(shape, paint)
    faces += _lamps(shape, lamps_on) + _wheels(shape) + _house(shape, paint, van=shape is _SHAPES[3])
    return Mesh(faces)


def _quad(*points: tuple[float, float, float]) -> Floats:
    return np.array(points, np.float32)


def _underside(shape: _Shape) -> list[Face]:
    half = shape.width / 2 - 0.08
    x0, x1 = shape.body[-1][0] + 0.15, shape.body[0][0] - 0.15
    quad = _quad((x0, -half, 0.06), (x1, -half, 0.06), (x1, half, 0.06), (x0, half, 0.06))
    return [Face(quad, (0.03, 0.03, 0.03), two_sided=True)]


def _body(shape: _Shape, paint: Colour) -> list[Face]:
    half = shape.width / 2
    faces = []
    for (xa, za), (xb, zb) in zip(shape.body, shape.body[1:], strict=False):
        quad = _quad((xa, -half, za), (xa, half, za), (xb, half, zb), (xb, -half, zb))
        faces.append(Face(quad, paint, gloss=0.16))
    for y in (-half, half):
        ring = [(x, y, z) for x, z in shape.body]
        if y < 0:
            ring = ring[::-1]
        faces.append(Face(np.array(ring, np.float32)[::-1], paint))
        for x in (shape.base[0] - 0.75, shape.base[1] + 1.0):  # door gaps
            line = _quad((x, y * 1.005, 0.36), (x, y * 1.005, 0.9), (x, y * 1.005, 0.88))
            faces.append(_flush(line, y, _TRIM))
        sill = _quad((shape.wheels[0], y, 0.3), (shape.wheels[1], y, 0.3), (shape.wheels[0], y, 0.31))
        faces.append(_flush(sill, y, _TRIM, 0.07))
    return faces


def _flush(line: Floats, y: float, colour: Colour, width: float = 0.025) -> Face:
    """A line on a flank, as a thin face so that it is hidden with the flank."""
    (xa, _, za), (xb, _, zb) = line[0], line[1]
    dx, dz = (width / 2, 0.0) if abs(xa - xb) < 0.01 else (0.0, width / 2)
    ring = _quad((xa - dx, y, za - dz), (xa + dx, y, za + dz), (xb + dx, y, zb + dz), (xb - dx, y, zb - dz))
    return Face(_outward(ring, y), colour)


def _outward(ring: Floats, y: float) -> Floats:
    """Wind a face in a plane of constant y so that it faces away from the car."""
    edge1, edge2 = ring[1] - ring[0], ring[2] - ring[0]
    normal_y = edge1[2] * edge2[0] - edge1[0] * edge2[2]
    return ring if normal_y * y > 0 else ring[::-1].copy()


def _wheels(shape: _Shape) -> list[Face]:
    faces = []
    for y in (-shape.width / 2, shape.width / 2):
        for x in shape.wheels:
            for radius, colour, out in ((0.39, (0.03, 0.03, 0.03), 1.0), (0.33, (0.07, 0.07, 0.07), 1.01),
                                        (0.2, (0.45, 0.46, 0.47), 1.015), (0.07, (0.15, 0.15, 0.15), 1.02)):  # fmt: skip
                faces.append(Face(_outward(disc((x, y * out, 0.33), radius), y), colour))
    return faces


def _house(shape: _Shape, paint: Colour, *, van: bool) -> list[Face]:
    low, high = shape.width / 2 - 0.06, shape.width / 2 - 0.22
    belt, top = shape.body[3][1] - 0.02, shape.top
    (bf, br), (rf, rr) = shape.base, shape.roof
    front = _quad((bf, -low, belt), (bf, low, belt), (rf, high, top), (rf, -high, top))
    rear = _quad((br, low, belt), (br, -low, belt), (rr, -high, top), (rr, high, top))
    roof = _quad((rf, -high, top), (rf, high, top), (rr, high, top), (rr, -high, top))
    faces = [Face(front, paint), Face(_inset(front, 0.1), _GLASS, gloss=0.14)]
    faces += [Face(rear, paint), Face(_inset(rear, 0.16), _GLASS, gloss=0.1), Face(roof, paint, gloss=0.16)]
    for s in (-1.0, 1.0):
        side = _quad((bf, s * low, belt), (rf, s * high, top), (rr, s * high, top), (br, s * low, belt))
        side = _outward(side, s)
        faces += [Face(side, paint)]
        for a, b in ((0.06, 0.3), (0.34, 0.62), (0.66, 0.93)) if not van else ((0.06, 0.28),):
            faces.append(Face(_outward(_pane(shape, s, low, high, belt, a, b), s), _GLASS, gloss=0.05))
        mirror = (bf - 0.25, s * (low + 0.1), belt + 0.05)
        faces.append(Face(_outward(disc(mirror, 0.09, 8), s), paint))
    return faces


def _pane(shape: _Shape, s: float, low: float, high: float, belt: float, a: float, b: float) -> Floats:
    def spot(along: float, up: float) -> tuple[float, float, float]:
        x_low = shape.base[0] + (shape.base[1] - shape.base[0]) * along
        x_high = shape.roof[0] + (shape.roof[1] - shape.roof[0]) * along
        y, z = low + (high - low) * up, belt + (shape.top - belt) * up
        return (x_low + (x_high - x_low) * up, s * y, z)

    return _quad(spot(a, 0.1), spot(a, 0.86), spot(b, 0.86), spot(b, 0.1))


def _inset(ring: Floats, share: float) -> Floats:
    centre = ring.mean(axis=0)
    return np.asarray(centre + (ring - centre) * (1 - share), np.float32)


def _lamps(shape: _Shape, lit: bool) -> list[Face]:
    half = shape.width / 2
    (x1, z1), (x2, z2) = shape.body[1], shape.body[2]
    (x5, z5), (x6, z6) = shape.body[-3], shape.body[-2]
    faces = []
    for s in (-1.0, 1.0):
        inner, outer = s * (half - 0.42), s * (half - 0.04)
        y0, y1 = min(inner, outer), max(inner, outer)
        front = _quad((x1, y0, z1 + 0.06), (x1, y1, z1 + 0.06), (x2, y1, z2), (x2, y0, z2))
        rear = _quad((x6, y1, z6 + 0.08), (x6, y0, z6 + 0.08), (x5, y0, z5 - 0.04), (x5, y1, z5 - 0.04))
        faces.append(Face(front, (1.0, 0.98, 0.9) if lit else (0.72, 0.73, 0.72), glow=1.0 if lit else 0.0))
        faces.append(Face(rear, (0.85, 0.1, 0.08) if lit else (0.4, 0.07, 0.06), glow=0.9 if lit else 0.0))
    plate = _quad((x1 + 0.01, -0.26, 0.4), (x1 + 0.01, 0.26, 0.4), (x1 + 0.01, 0.26, 0.52), (x1 + 0.01, -0.26, 0.52))
    back = _quad((x6 - 0.01, 0.26, 0.55), (x6 - 0.01, -0.26, 0.55), (x6 - 0.01, -0.26, 0.68), (x6 - 0.01, 0.26, 0.68))
    grille = _quad((x1 + 0.005, -0.45, 0.54), (x1 + 0.005, 0.45, 0.54), (x2, 0.4, z2 - 0.06), (x2, -0.4, z2 - 0.06))
    return [*faces, Face(grille, _TRIM), Face(plate, (0.8, 0.8, 0.76)), Face(back, (0.78, 0.74, 0.5))]
