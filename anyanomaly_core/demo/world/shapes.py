"""What things are made of: shaded tapered capsules, flat faces and soft puffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anyanomaly_core.demo.world.types import Floats

Colour = tuple[float, float, float]
Point = tuple[float, float, float]


@dataclass
class Capsules:
    """K tapered capsules: end points, end radii (metres) and colours (0-1)."""

    a: Floats  # [K, 3]
    b: Floats  # [K, 3]
    ra: Floats  # [K]
    rb: Floats  # [K]
    colour: Floats  # [K, 3]

    @classmethod
    def of(cls, rows: Sequence[tuple[Point, Point, float, float, Colour]]) -> Capsules:
        """Build from (a, b, radius at a, radius at b, colour) rows."""
        flat = np.array([(*a, *b, ra, rb, *colour) for a, b, ra, rb, colour in rows], np.float32)
        flat = flat.reshape(-1, 11)
        return cls(flat[:, 0:3], flat[:, 3:6], flat[:, 6], flat[:, 7], flat[:, 8:11])

    @classmethod
    def join(cls, parts: Sequence[Capsules]) -> Capsules:
        """All capsules of several sets."""
        return cls(
            np.concatenate([p.a for p in parts]),
            np.concatenate([p.b for p in parts]),
            np.concatenate([p.ra for p in parts]),
            np.concatenate([p.rb for p in parts]),
            np.concatenate([p.colour for p in parts]),
        )

    def grounded(self) -> Capsules:
        """Shifted in z so that the lowest point touches the ground."""
        low = min(float((self.a[:, 2] - self.ra).min()), float((self.b[:, 2] - self.rb).min()))
        shift = np.array([0.0, 0.0, -low], np.float32)
        return Capsules(self.a + shift, self.b + shift, self.ra, self.rb, self.colour)

    def rotated(self, rotation: Floats) -> Capsules:
        """Turned about the origin by a 3 x 3 matrix."""
        return Capsules(self.a @ rotation.T, self.b @ rotation.T, self.ra, self.rb, self.colour)

    def placed(self, x: float, y: float, heading: float, scale: float = 1.0) -> Capsules:
        """From local axes (x forward, y left) to the world."""
        turn, shift = _yaw(heading) * scale, np.array([x, y, 0.0], np.float32)
        return Capsules(self.a @ turn.T + shift, self.b @ turn.T + shift, self.ra * scale, self.rb * scale, self.colour)


@dataclass(frozen=True)
class Face:
    """One flat polygon or, with a width, a closed line; drawn in the order given, back faces left out."""

    points: Floats  # [N, 3]
    colour: Colour
    width: float = 0.0  # metres; > 0: an outline of that width
    two_sided: bool = False
    glow: float = 0.0  # part of the colour that needs no light
    alpha: float = 1.0
    gloss: float = 0.0


@dataclass
class Mesh:
    """Faces that are drawn as one thing, in their own order."""

    faces: list[Face]

    def placed(self, x: float, y: float, heading: float, scale: float = 1.0) -> Mesh:
        """From local axes (x forward, y left) to the world."""
        turn, shift = _yaw(heading) * scale, np.array([x, y, 0.0], np.float32)
        return Mesh(
            [
                Face(f.points @ turn.T + shift, f.colour, f.width * scale, f.two_sided, f.glow, f.alpha, f.gloss)
                for f in self.faces
            ]
        )


@dataclass(frozen=True)
class Puff:
    """A soft ball of smoke or flame."""

    centre: Point
    radius: float
    colour: Colour
    alpha: float
    sprite: int
    glow: float = 0.0


@dataclass
class Parts:
    """All that makes up one thing at one moment, in world coordinates."""

    capsules: Capsules | None = None
    meshes: list[Mesh] = field(default_factory=list)
    puffs: list[Puff] = field(default_factory=list)

    def merged(self, other: Parts) -> Parts:
        """Both together."""
        sets = [c for c in (self.capsules, other.capsules) if c is not None]
        return Parts(Capsules.join(sets) if sets else None, self.meshes + other.meshes, self.puffs + other.puffs)


def _yaw(heading: float) -> Floats:
    c, s = np.cos(heading), np.sin(heading)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], np.float32)


def box_faces(centre: Point, size: Point, colour: Colour, gloss: float = 0.0) -> list[Face]:
    """The top and four sides of an upright box (the bottom is never seen)."""
    (cx, cy, cz), (sx, sy, sz) = centre, (size[0] / 2, size[1] / 2, size[2] / 2)
    x0, x1, y0, y1, z0, z1 = cx - sx, cx + sx, cy - sy, cy + sy, cz - sz, cz + sz
    quads = (
        ((x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)),
        ((x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1)),
        ((x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1)),
        ((x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)),
        ((x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)),
    )
    return [Face(np.array(quad, np.float32), colour, gloss=gloss) for quad in quads]


def disc(centre: Point, radius: float, sides: int = 16) -> Floats:
    """A ring of points in the x-z plane, seen from -y counter-clockwise [sides, 3]."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle) * radius, np.zeros(sides), np.sin(angle) * radius], axis=1)
    return np.asarray(ring + np.array(centre), np.float32)
