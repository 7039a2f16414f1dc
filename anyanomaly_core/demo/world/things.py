"""Things people ride, push, carry or leave behind, in local axes (x forward, y left, z up)."""

from __future__ import annotations

import itertools

import numpy as np

from anyanomaly_core.demo.world.palette import CLOTHES, LUGGAGE, PAINT, pick
from anyanomaly_core.demo.world.shapes import Capsules, Colour, Face, Mesh, Parts, Point, box_faces, disc
from anyanomaly_core.demo.world.types import Floats

_RUBBER: Colour = (0.07, 0.07, 0.07)
_METAL: Colour = (0.45, 0.46, 0.48)
Row = tuple[Point, Point, float, float, Colour]


def wheel(
    centre: Point, radius: float, tyre: float, spokes: int = 0, turn: float = 0.0, fill: float = 0.22
) -> list[Face]:
    """A spoked wheel: a faint disc, spokes and a tyre."""
    ring = disc(centre, radius, 20)
    closed = np.concatenate([ring, ring[:2]])
    faces = [Face(ring, (0.4, 0.41, 0.42), two_sided=True, alpha=fill)]
    for i in range(spokes):
        angle = turn + np.pi * i / spokes
        arm = np.array([np.cos(angle) * radius, 0, np.sin(angle) * radius], np.float32)
        line = np.stack([np.array(centre, np.float32) - arm, np.array(centre, np.float32) + arm])
        faces.append(Face(np.concatenate([line, line[:1]]), _METAL, width=0.012, two_sided=True, alpha=0.6))
    faces.append(Face(closed, _RUBBER, width=tyre, two_sided=True))
    return faces


def cycle_mesh(seed: int, crank: float) -> tuple[Mesh, Capsules]:
    """A bicycle: wheels as a mesh, tubes as capsules."""
    rng = np.random.default_rng(seed)
    paint = pick(rng, PAINT)
    faces = wheel((-0.55, 0, 0.34), 0.34, 0.055, 4, -crank * 2.4) + wheel((0.55, 0, 0.34), 0.34, 0.055, 4, -crank * 2.4)
    hub, saddle, head, bar = (0.02, 0, 0.34), (-0.2, 0, 0.9), (0.38, 0, 0.86), (0.4, 0, 1.04)
    rear, front = (-0.55, 0, 0.34), (0.55, 0, 0.34)
    tubes: list[Row] = [
        (hub, saddle, 0.024, 0.024, paint), (hub, head, 0.028, 0.028, paint), (saddle, head, 0.024, 0.024, paint),
        (rear, hub, 0.02, 0.02, paint), (rear, saddle, 0.018, 0.018, paint), (head, front, 0.024, 0.02, paint),
        (head, bar, 0.022, 0.022, _METAL),
        ((0.42, -0.27, 1.05), (0.42, 0.27, 1.05), 0.022, 0.022, _RUBBER),
        ((-0.34, 0, 0.93), (-0.1, 0, 0.94), 0.055, 0.03, _RUBBER),
    ]  # fmt: skip
    return Mesh(faces), Capsules.of(tubes)


def board(seed: int) -> tuple[Mesh, Capsules]:
    """A skateboard: a deck with raised ends, four wheels."""
    rng = np.random.default_rng(seed)
    tone = pick(rng, CLOTHES)
    profile = [(-0.5, 0.19), (-0.34, 0.13), (0.34, 0.13), (0.5, 0.19)]
    faces = []
    for (xa, za), (xb, zb) in itertools.pairwise(profile):
        quad = [(xa, -0.13, za), (xb, -0.13, zb), (xb, 0.13, zb), (xa, 0.13, za)]
        faces.append(Face(np.array(quad, np.float32), (0.16, 0.15, 0.15), two_sided=True))
    for side in (-0.13, 0.13):
        edge = [(x, side, z) for x, z in profile]
        line = np.array(edge + edge[-2:-1], np.float32)
        faces.append(Face(line, tone, width=0.045, two_sided=True))
    wheels: list[Row] = [
        ((x, y, 0.06), (x, y * 0.7, 0.06), 0.06, 0.06, (0.75, 0.73, 0.66)) for x in (-0.32, 0.32) for y in (-0.12, 0.12)
    ]
    return Mesh(faces), Capsules.of(wheels)


def pram(seed: int) -> tuple[Capsules, Mesh]:
    """A pram: carrycot with a hood, chassis, four wheels; the handle points back to the pusher."""
    rng = np.random.default_rng(seed)
    cloth, inside = pick(rng, CLOTHES), (0.62, 0.6, 0.58)
    faces = []
    for x in (-0.3, 0.34):
        for y in (-0.25, 0.25):
            faces += wheel((x, y, 0.16), 0.15, 0.035, 2, fill=0.75)
    rows: list[Row] = [
        ((-0.28, 0, 0.62), (0.36, 0, 0.64), 0.21, 0.2, cloth),
        ((-0.2, 0, 0.74), (0.3, 0, 0.76), 0.15, 0.13, inside),
        ((0.2, 0, 0.84), (0.34, 0, 0.8), 0.27, 0.22, cloth),
        ((0.1, 0, 0.86), (0.14, 0, 0.86), 0.255, 0.26, _shade(cloth, 0.8)),
    ]
    for y in (-0.23, 0.23):
        rows += [
            ((-0.3, y, 0.17), (0.2, y, 0.55), 0.02, 0.02, _METAL),
            ((0.34, y, 0.17), (-0.3, y, 0.62), 0.02, 0.02, _METAL),
            ((-0.3, y, 0.62), (-0.58, y, 1.02), 0.022, 0.022, _METAL),
        ]
    rows.append(((-0.58, -0.23, 1.02), (-0.58, 0.23, 1.02), 0.025, 0.025, _RUBBER))
    return Capsules.of(rows), Mesh(faces)


def umbrella(grip: Floats, head: Floats, seed: int) -> tuple[Capsules, Mesh]:
    """An open umbrella over somebody's head: stick and canopy."""
    tone: Colour = ((0.1, 0.1, 0.12), (0.4, 0.14, 0.14), (0.18, 0.24, 0.36), (0.4, 0.42, 0.4))[seed % 4]
    x, z = float(head[0]) + 0.06, float(head[2])
    top = (x, 0.0, z + 0.42)
    stick = Capsules.of([((float(grip[0]), float(grip[1]), float(grip[2])), top, 0.014, 0.014, _METAL)])
    angles = np.linspace(0, 2 * np.pi, 9)
    panels = []
    for index, (a, b) in enumerate(itertools.pairwise(angles)):
        inner = [(x + 0.36 * np.cos(k), 0.36 * np.sin(k), z + 0.34) for k in (a, b)]
        outer = [(x + 0.58 * np.cos(k), 0.58 * np.sin(k), z + 0.16) for k in (a, b)]
        cloth = _shade(tone, 1.0 if index % 2 else 0.9)
        panels.append(Face(np.array([inner[0], outer[0], outer[1], inner[1]], np.float32), cloth, two_sided=True))
        panels.append(Face(np.array([top, inner[0], inner[1]], np.float32), cloth, two_sided=True))
    panels.sort(key=lambda face: float(face.points[:, 2].mean()))
    return stick, Mesh(panels)


def luggage(seed: int) -> Parts:
    """A suitcase, a holdall or a rucksack that stands alone; larger than life, or nobody would see it."""
    rng = np.random.default_rng(seed)
    tone = pick(rng, LUGGAGE)
    kind = int(rng.integers(3))
    if kind == 0:
        return _suitcase(tone)
    return Parts(_holdall(tone) if kind == 1 else _rucksack(tone))


def _suitcase(tone: Colour) -> Parts:
    faces = box_faces((0, 0, 0.44), (0.32, 0.56, 0.78), tone, gloss=0.1)
    for y in (-0.16, 0.0, 0.16):  # grooves of a hard shell
        for x in (-0.161, 0.161):
            strip = [(x, y - 0.02, 0.1), (x, y + 0.02, 0.1), (x, y + 0.02, 0.78), (x, y - 0.02, 0.78)]
            groove = np.array(strip if x > 0 else strip[::-1], np.float32)
            faces.append(Face(groove, _shade(tone, 0.72)))
    rows: list[Row] = [
        ((-0.1, -0.14, 0.82), (-0.1, -0.14, 1.1), 0.018, 0.018, _METAL),
        ((-0.1, 0.14, 0.82), (-0.1, 0.14, 1.1), 0.018, 0.018, _METAL),
        ((-0.1, -0.14, 1.1), (-0.1, 0.14, 1.1), 0.028, 0.028, _RUBBER),
    ]
    for x in (-0.1, 0.1):
        rows.extend(((x, y, 0.04), (x, y, 0.05), 0.045, 0.045, _RUBBER) for y in (-0.22, 0.22))
    return Parts(Capsules.of(rows), [Mesh(faces)])


def _holdall(tone: Colour) -> Capsules:
    dark = _shade(tone, 0.65)
    rows: list[Row] = [
        ((0, -0.3, 0.23), (0, 0.3, 0.23), 0.24, 0.24, tone),
        ((0, -0.31, 0.27), (0, 0.31, 0.27), 0.215, 0.215, _shade(tone, 1.12)),
    ]
    for y in (-0.17, 0.17):
        rows.append(((0.2, y, 0.14), (0.1, y, 0.46), 0.035, 0.03, dark))
        rows.append(((-0.2, y, 0.14), (-0.1, y, 0.46), 0.035, 0.03, dark))
    for x in (-0.1, 0.1):
        rows += [
            ((x, -0.17, 0.46), (x * 0.5, -0.08, 0.6), 0.025, 0.025, dark),
            ((x * 0.5, -0.08, 0.6), (x * 0.5, 0.08, 0.6), 0.028, 0.028, dark),
            ((x * 0.5, 0.08, 0.6), (x, 0.17, 0.46), 0.025, 0.025, dark),
        ]
    return Capsules.of(rows)


def _rucksack(tone: Colour) -> Capsules:
    dark = _shade(tone, 0.7)
    rows: list[Row] = [
        ((0, -0.12, 0.2), (0, -0.1, 0.6), 0.19, 0.16, tone),
        ((0, 0.12, 0.2), (0, 0.1, 0.6), 0.19, 0.16, tone),
        ((0.15, -0.08, 0.24), (0.15, 0.08, 0.24), 0.14, 0.14, _shade(tone, 1.15)),
        ((0.02, -0.1, 0.7), (0.02, 0.1, 0.7), 0.11, 0.11, dark),
        ((0, 0, 0.78), (0, 0.02, 0.88), 0.025, 0.025, dark),
        ((-0.2, -0.12, 0.6), (-0.24, -0.14, 0.2), 0.035, 0.035, dark),
        ((-0.2, 0.12, 0.6), (-0.24, 0.14, 0.2), 0.035, 0.035, dark),
    ]
    return Capsules.of(rows)


def _shade(colour: Colour, factor: float) -> Colour:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)
