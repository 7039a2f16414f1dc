"""Light: the sun, the sky, lamps at night, an infrared lamp at the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world.shapes import Face
from anyanomaly_core.demo.world.types import Floats, Reals

CONDITIONS: tuple[str, ...] = ("sun", "overcast", "dusk", "night", "infrared")
_LUMA = np.array([0.3, 0.59, 0.11], np.float32)


@dataclass(frozen=True)
class Light:
    """How surfaces come out in the picture under one condition."""

    condition: str
    direction: Floats  # toward the main light [3]
    ambient: float
    diffuse: float
    tint: Floats  # colour of the light that is everywhere [3]
    lamps: Floats  # x, y, z, strength per lamp [L, 4]
    lamp_tint: Floats  # [3]
    shadow: float  # how dark cast shadows are; 0: none
    contact: float  # how dark the ground gets where things touch it
    saturation: float
    eye: Floats  # camera position, where the infrared lamp sits [3]

    def tone(self, colour: Floats) -> Floats:
        """A surface colour as this camera's sensor separates it [..., 3]."""
        grey = (colour @ _LUMA)[..., None]
        return np.asarray(grey + (colour - grey) * self.saturation, np.float32)

    def at(self, points: Reals) -> Floats:
        """Colour of the light at world points [N, 3] -> [N, 3]."""
        level = np.ones((len(points), 1), np.float32) * self.tint
        if self.condition == "infrared":
            far = ((points - self.eye) ** 2).sum(axis=1, keepdims=True)
            return np.asarray(level * (1.25 / (1 + far / 170.0) + 0.06), np.float32)
        for x, y, z, strength in self.lamps:
            flat = (points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2 + 0.25 * (points[:, 2] - z) ** 2
            level = level + (strength / (1 + flat / 14.0) ** 1.6)[:, None] * self.lamp_tint
        return level.astype(np.float32)

    def face_colour(self, face: Face, eye: Floats) -> Floats:
        """The colour of a flat face, seen from the camera [3]."""
        edge1, edge2 = face.points[1] - face.points[0], face.points[2] - face.points[0]
        normal = np.array(
            [
                edge1[1] * edge2[2] - edge1[2] * edge2[1],
                edge1[2] * edge2[0] - edge1[0] * edge2[2],
                edge1[0] * edge2[1] - edge1[1] * edge2[0],
            ],
            np.float32,
        )
        normal = normal / (np.sqrt(normal @ normal) + 1e-6)
        centre = face.points.mean(axis=0)
        if face.two_sided and normal @ (eye - centre) < 0:
            normal = -normal
        shade = self.ambient + self.diffuse * (0.5 + 0.5 * float(normal @ self.direction))
        shade += face.gloss * max(float(normal[2]), 0.0)
        lit = self.tone(np.array(face.colour, np.float32))
        level = self.at(centre[None])[0] * shade
        return np.asarray(lit * (level * (1 - face.glow) + face.glow), np.float32)


def make_light(condition: str, rng: np.random.Generator, lamps: Floats, eye: Floats) -> Light:
    """Draw the light of one camera at one time of day."""
    bearing, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.1)
    sun = np.array([np.cos(bearing) * np.cos(height), np.sin(bearing) * np.cos(height), np.sin(height)])
    up = np.array([0.15, -0.35, 0.92])
    warm = rng.uniform(-0.04, 0.04)
    saturation = float(rng.uniform(0.62, 0.95))
    dark = np.zeros((0, 4), np.float32)
    lamp_tint = np.array([1.0, 0.78, 0.48] if rng.random() < 0.45 else [0.93, 0.96, 1.0])

    def build(
        direction: Floats | np.ndarray[tuple[int], np.dtype[np.float64]],
        levels: tuple[float, float, float, float],
        tint: tuple[float, float, float],
        lit: Floats = dark,
        colour: float = saturation,
    ) -> Light:
        ambient, diffuse, shadow, contact = levels
        return Light(
            condition, np.asarray(direction, np.float32), ambient, diffuse, np.array(tint, np.float32),
            lit, lamp_tint.astype(np.float32), shadow, contact, colour, eye,
        )  # fmt: skip

    if condition == "sun":
        return build(sun, (0.4, 0.82, 0.58, 0.25), (1.06 + warm, 1.02, 0.95 - warm))
    if condition == "overcast":
        level = float(rng.uniform(0.78, 0.98))
        return build(up, (0.5, 0.52, 0.0, 0.34), (level * (0.98 + warm), level, level * (1.03 - warm)))
    if condition == "dusk":
        level = float(rng.uniform(0.42, 0.58))
        tint = (level * (1.0 + 2 * warm), level * 0.96, level * (1.04 - 2 * warm))
        half = lamps * np.array([1, 1, 1, 0.4], np.float32)
        return build(up, (0.5, 0.5, 0.0, 0.3), tint, half, saturation * 0.85)
    if condition == "night":
        level = float(rng.uniform(0.17, 0.27))
        return build(up, (0.5, 0.55, 0.0, 0.3), (level, level * 1.02, level * 1.1), lamps, saturation * 0.75)
    return build(eye / np.linalg.norm(eye), (0.35, 0.65, 0.0, 0.15), (1.0, 1.0, 1.0), dark, 0.0)
