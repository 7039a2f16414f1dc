"""Street furniture as shapes."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.layout import Prop
from anyanomaly_core.demo.world.shapes import Capsules, Colour, Mesh, Parts, Point, box_faces

Row = tuple[Point, Point, float, float, Colour]
_DARK: Colour = (0.16, 0.17, 0.17)


def furniture(prop: Prop) -> Parts:
    """The solid parts of a prop (crowns of leaves are painted separately)."""
    rng = np.random.default_rng(prop.seed)
    if prop.kind == "bench":
        return _bench(prop, rng)
    if prop.kind == "planter":
        faces = box_faces((0, 0, 0.25), (1.5, 0.8, 0.5), (0.46, 0.44, 0.41))
        return Parts(None, [Mesh(faces).placed(prop.x, prop.y, prop.heading)])
    if prop.kind == "crate":
        faces = box_faces((0, 0, 0.55), (1.1, 0.8, 1.1), (0.25, 0.3, 0.27) if prop.seed % 2 else (0.3, 0.29, 0.28))
        faces += box_faces((0, 0, 1.13), (1.16, 0.86, 0.08), _DARK)
        return Parts(None, [Mesh(faces).placed(prop.x, prop.y, prop.heading)])
    if prop.kind == "bush":
        return Parts()
    if prop.kind == "pole":
        return _pole(prop, rng)
    rows: list[Row] = {"bin": _bin, "bollard": _bollard, "lamp": _lamp, "tree": _trunk}[prop.kind](prop, rng)
    return Parts(Capsules.of(rows).placed(prop.x, prop.y, prop.heading))


def _bench(prop: Prop, rng: np.random.Generator) -> Parts:
    wood: Colour = (0.36, 0.27, 0.19) if rng.random() < 0.7 else (0.3, 0.32, 0.3)
    faces = []
    for x in (-0.75, 0.75):
        faces += box_faces((x, 0, 0.2), (0.08, 0.42, 0.4), _DARK)
    for y in (-0.16, 0.0, 0.16):
        faces += box_faces((0, y, 0.44), (1.8, 0.12, 0.05), wood)
    for z in (0.62, 0.78):
        faces += box_faces((0, 0.26, z), (1.8, 0.04, 0.11), wood)
    return Parts(None, [Mesh(faces).placed(prop.x, prop.y, prop.heading)])


def _bin(prop: Prop, rng: np.random.Generator) -> list[Row]:
    tone: Colour = ((0.2, 0.26, 0.21), (0.24, 0.24, 0.25), (0.16, 0.19, 0.26))[prop.seed % 3]
    return [
        ((0, 0, 0.25), (0, 0, 0.78), 0.25, 0.27, tone),
        ((0, 0, 0.88), (0, 0, 0.92), 0.25, 0.22, _DARK),
    ]


def _bollard(prop: Prop, rng: np.random.Generator) -> list[Row]:
    return [((0, 0, 0.08), (0, 0, 0.85), 0.08, 0.08, _DARK), ((0, 0, 0.74), (0, 0, 0.78), 0.09, 0.09, (0.6, 0.6, 0.57))]


def _pole(prop: Prop, rng: np.random.Generator) -> Parts:
    rows: list[Row] = [((0, 0, 0.05), (0, 0, prop.size), 0.045, 0.045, (0.42, 0.43, 0.43))]
    pole = Capsules.of(rows).placed(prop.x, prop.y, 0.0)
    if rng.random() < 0.3:
        return Parts(pole)
    plate: Colour = ((0.2, 0.28, 0.42), (0.6, 0.6, 0.58), (0.45, 0.2, 0.18))[prop.seed % 3]
    sign = Mesh(box_faces((0, -0.06, prop.size - 0.3), (0.48, 0.03, 0.6), plate))
    return Parts(pole, [sign.placed(prop.x, prop.y, float(rng.normal(0, 0.4)))])


def _lamp(prop: Prop, rng: np.random.Generator) -> list[Row]:
    top, tone = prop.size, (0.24, 0.25, 0.25)
    return [
        ((0, 0, 0.05), (0, 0, top), 0.07, 0.05, tone),
        ((0, 0, top), (0.55, 0, top + 0.15), 0.045, 0.045, tone),
        ((0.45, 0, top + 0.12), (0.8, 0, top + 0.14), 0.09, 0.08, (0.55, 0.55, 0.52)),
    ]


def _trunk(prop: Prop, rng: np.random.Generator) -> list[Row]:
    bark: Colour = (0.25, 0.2, 0.15)
    rows: list[Row] = [((0, 0, 0.0), (0.1, 0, prop.size * 0.6), 0.17, 0.11, bark)]
    for _ in range(3):
        x, y = rng.normal(0, 0.5, 2)
        rows.append(((0.05, 0, prop.size * 0.42), (float(x), float(y), prop.size * 0.72), 0.08, 0.04, bark))
    return rows
