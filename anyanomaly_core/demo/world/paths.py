"""How things move over the ground: straight past, or wandering about in view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anyanomaly_core.demo.world.people import Motion
from anyanomaly_core.demo.world.types import Floats


class Path(Protocol):
    """Where something is at time t."""

    def at(self, t: float) -> Motion:
        """Position, heading and distance travelled."""
        ...


@dataclass(frozen=True)
class Straight:
    """Through (x, y) at time t0 with constant velocity; speed 0 stays there."""

    x: float
    y: float
    heading: float
    speed: float
    t0: float = 0.0
    offset: float = 0.0  # metres already travelled at t0: the phase of the gait

    def at(self, t: float) -> Motion:
        """Position at time t."""
        gone = self.speed * (t - self.t0)
        x, y = self.x + gone * np.cos(self.heading), self.y + gone * np.sin(self.heading)
        return Motion(float(x), float(y), self.heading, self.offset + gone, t, self.speed)


@dataclass(frozen=True)
class CurvedPath:
    """Along a dense polyline from t0 on, at constant speed; waits at its end."""

    points: Floats  # [N, 2]
    along: Floats  # [N] metres from the start
    speed: float
    t0: float

    def at(self, t: float) -> Motion:
        """Position at time t."""
        gone = float(np.clip(self.speed * (t - self.t0), 0.0, self.along[-1]))
        x, y = (float(np.interp(gone, self.along, self.points[:, k])) for k in (0, 1))
        ahead, behind = min(gone + 0.35, float(self.along[-1])), max(min(gone, float(self.along[-1]) - 0.35) - 0.35, 0)
        dx, dy = (
            float(np.interp(ahead, self.along, self.points[:, k]) - np.interp(behind, self.along, self.points[:, k]))
            for k in (0, 1)
        )
        moving = self.speed if 0 < gone < float(self.along[-1]) else 0.0
        return Motion(x, y, float(np.arctan2(dy, dx)), gone, t, moving)


def smooth_curve(corners: Floats, speed: float, t0: float) -> CurvedPath:
    """A Catmull-Rom curve through corner points [K, 2]."""
    padded = np.concatenate([2 * corners[:1] - corners[1:2], corners, 2 * corners[-1:] - corners[-2:-1]])
    u = np.linspace(0, 1, 16, endpoint=False, dtype=np.float32)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + (3 * p1 - p0 - 3 * p2 + p3) * u**3)
        )
    points = np.concatenate([*pieces, corners[-1:]]).astype(np.float32)
    steps = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1))
    along = np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float32)
    return CurvedPath(points, along, speed, t0)
