"""A pinhole camera on a wall or a pole, looking down at the ground plane z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anyanomaly_core.demo.world.types import FRAME_SIZE, Floats

NEAR = 0.6  # metres: anything closer to the lens is not drawn


@dataclass(frozen=True)
class Camera:
    """World axes: x right, y away from the camera foot, z up; metres and radians."""

    height: float
    tilt: float  # down from the horizon
    yaw: float  # to the right of +y
    focal: float  # pixels

    @property
    def origin(self) -> Floats:
        """The lens, above the world's origin."""
        return np.array([0.0, 0.0, self.height], np.float32)

    @cached_property
    def axes(self) -> Floats:
        """Rows: image right, image down, forward [3, 3]."""
        sy, cy, st, ct = np.sin(self.yaw), np.cos(self.yaw), np.sin(self.tilt), np.cos(self.tilt)
        right = (cy, -sy, 0.0)
        down = (-sy * st, -cy * st, -ct)
        forward = (sy * ct, cy * ct, -st)
        return np.array([right, down, forward], np.float32)

    def project(self, points: Floats) -> Floats:
        """World points [N, 3] to (u, v, depth) [N, 3]; depth is along the optical axis."""
        local = (points - self.origin) @ self.axes.T
        depth = local[:, 2]
        safe = np.maximum(depth, 0.05)
        u = FRAME_SIZE[0] / 2 + self.focal * local[:, 0] / safe
        v = FRAME_SIZE[1] / 2 + self.focal * local[:, 1] / safe
        return np.stack([u, v, depth], axis=1).astype(np.float32)

    def rays(self, scale: int = 1) -> Floats:
        """Viewing directions with unit forward part [3, H * scale, W * scale]."""
        width, height = FRAME_SIZE[0] * scale, FRAME_SIZE[1] * scale
        x = ((np.arange(width, dtype=np.float32) + 0.5) / scale - FRAME_SIZE[0] / 2) / self.focal
        y = ((np.arange(height, dtype=np.float32) + 0.5) / scale - FRAME_SIZE[1] / 2) / self.focal
        right, down, forward = (axis[:, None, None] for axis in self.axes)
        return np.asarray(right * x[None, None, :] + down * y[None, :, None] + forward, np.float32)

    def stand_at(self, u: float, depth: float) -> tuple[float, float]:
        """The ground point at a given depth that is seen in image column u."""
        st, ct = np.sin(self.tilt), np.cos(self.tilt)
        forward = (depth - self.height * st) / ct  # along the ground
        side = (u - FRAME_SIZE[0] / 2) / self.focal * depth
        sy, cy = np.sin(self.yaw), np.cos(self.yaw)
        return float(forward * sy + side * cy), float(forward * cy - side * sy)

    def depth_of(self, x: float, y: float) -> float:
        """Depth of a ground point."""
        return float(self.axes[2] @ (np.array([x, y, 0.0], np.float32) - self.origin))
