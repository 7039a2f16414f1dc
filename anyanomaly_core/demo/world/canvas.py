"""Draws shapes into a frame: anti-aliased, shaded, behind whatever static thing hides them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from anyanomaly_core.demo.world.camera import NEAR, Camera
from anyanomaly_core.demo.world.light import Light
from anyanomaly_core.demo.world.shapes import Capsules, Face, Mesh, Parts
from anyanomaly_core.demo.world.smoke import puff_sprites
from anyanomaly_core.demo.world.types import FRAME_SIZE, Floats, Reals

OVERSAMPLE = 3
_X = np.arange(FRAME_SIZE[0], dtype=np.float32)[None, :] + 0.5
_Y = np.arange(FRAME_SIZE[1], dtype=np.float32)[:, None] + 0.5


@dataclass
class Extent:
    """The unclipped image rectangle of something drawn, and how many pixels it took."""

    x0: float = np.inf
    y0: float = np.inf
    x1: float = -np.inf
    y1: float = -np.inf

    def grow(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Take in another rectangle."""
        self.x0, self.y0 = min(self.x0, x0), min(self.y0, y0)
        self.x1, self.y1 = max(self.x1, x1), max(self.y1, y1)


class Canvas:
    """A frame being drawn: colours [3, H, W], static depth [H, W] and who owns each pixel [H, W]."""

    def __init__(self, background: Floats, depth: Floats, camera: Camera, light: Light) -> None:
        self.image = background.copy()
        self.depth = depth
        self.owner: npt.NDArray[np.uint8] = np.zeros(depth.shape, np.uint8)
        self.covered: npt.NDArray[np.uint8] = np.zeros(depth.shape, np.uint8)
        self.camera = camera
        self.light = light
        toward = camera.axes @ light.direction
        self._toward = (float(toward[0]), float(toward[1]), float(-toward[2]))

    def draw(self, parts: Parts, owner: int) -> Extent:
        """Draw one thing, far parts first; returns where it lies in the image."""
        extent = Extent()
        jobs: list[tuple[float, int, object]] = []
        if parts.capsules is not None and len(parts.capsules.ra):
            caps = _ProjectedCapsules(parts.capsules, self.camera, self.light)
            jobs += [(float(caps.depth[i]), i, caps) for i in range(len(caps.depth))]
        jobs += [(_mesh_depth(mesh, self.camera), 0, mesh) for mesh in parts.meshes]
        for depth, index, job in sorted(jobs, key=lambda item: -item[0]):
            if isinstance(job, Mesh):
                self._mesh(job, depth, owner, extent)
            elif isinstance(job, _ProjectedCapsules):
                self._capsule(job, index, owner, extent)
        self._puffs(parts, owner, extent)
        return extent

    def _capsule(self, caps: _ProjectedCapsules, i: int, owner: int, extent: Extent) -> None:
        ax, ay, bx, by, ra, rb, depth = caps.rows[i]
        if depth < NEAR:
            return
        x0, x1 = min(ax - ra, bx - rb), max(ax + ra, bx + rb)
        y0, y1 = min(ay - ra, by - rb), max(ay + ra, by + rb)
        extent.grow(x0, y0, x1, y1)
        left, right = max(int(x0 - 0.5), 0), min(int(x1 + 1.5), FRAME_SIZE[0])
        top, bottom = max(int(y0 - 0.5), 0), min(int(y1 + 1.5), FRAME_SIZE[1])
        if left >= right or top >= bottom:
            return
        dx, dy = bx - ax, by - ay
        px, py = _X[:, left:right] - ax, _Y[top:bottom] - ay
        along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy + 1e-6), 0.0, 1.0)
        radius = along * (rb - ra) + ra
        inverse = 1.0 / np.maximum(radius, 0.4)
        nx, ny = (px - along * dx) * inverse, (py - along * dy) * inverse
        square = nx * nx + ny * ny
        cover = np.clip((1.0 - np.sqrt(square)) * radius * 0.8 + 0.55, 0.0, 1.0)
        lx, ly, lz = self._toward
        nz = np.sqrt(np.maximum(1.0 - square, 0.0))
        shade = nx * (lx * 0.5) + ny * (ly * 0.5) + nz * (lz * 0.5) + 0.5
        shade = shade * self.light.diffuse + self.light.ambient
        self._blend(cover, shade * caps.colour[i][:, None, None], left, top, depth, owner)

    def _blend(self, cover: Reals, colour: Reals, left: int, top: int, depth: float, owner: int) -> None:
        h, w = cover.shape
        rows, cols = slice(top, top + h), slice(left, left + w)
        solid = cover > 0.5
        self.covered[rows, cols][solid] = owner
        static = self.depth[rows, cols]
        if static.min() < depth:
            cover = cover * (static > depth)
            solid = cover > 0.5
        patch = self.image[:, rows, cols]
        patch += cover * (colour - patch)
        if owner:
            self.owner[rows, cols][solid] = owner

    def _mesh(self, mesh: Mesh, depth: float, owner: int, extent: Extent) -> None:
        points = self.camera.project(np.concatenate([face.points for face in mesh.faces]))
        if points[:, 2].min() < NEAR:
            return
        x0, y0 = points[:, :2].min(axis=0)
        x1, y1 = points[:, :2].max(axis=0)
        extent.grow(float(x0), float(y0), float(x1), float(y1))
        left, right = max(int(x0) - 1, 0), min(int(x1) + 2, FRAME_SIZE[0])
        top, bottom = max(int(y0) - 1, 0), min(int(y1) + 2, FRAME_SIZE[1])
        if left >= right or top >= bottom:
            return
        size = ((right - left) * OVERSAMPLE, (bottom - top) * OVERSAMPLE)
        patch = Image.new("RGBA", size)
        pen = ImageDraw.Draw(patch)
        start = 0
        for face in mesh.faces:
            screen = points[start : start + len(face.points)]
            start += len(face.points)
            self._face(pen, face, (screen[:, :2] - (left, top)) * OVERSAMPLE, float(screen[:, 2].mean()))
        small = np.asarray(patch.reduce(OVERSAMPLE), np.float32).transpose(2, 0, 1) * (1 / 255)
        self._blend(small[3], small[:3], left, top, depth, owner)

    def _face(self, pen: ImageDraw.ImageDraw, face: Face, screen: Floats, depth: float) -> None:
        if not face.two_sided and face.width == 0.0 and _turned_away(screen):
            return
        colour = self.light.face_colour(face, self.camera.origin)
        fill = (*(int(min(max(c, 0.0), 1.0) * 255) for c in colour), int(face.alpha * 255))
        outline = [(float(x), float(y)) for x, y in screen]
        if face.width > 0.0:
            width = face.width * self.camera.focal / depth * OVERSAMPLE
            pen.line(outline, fill=fill, width=max(round(width), 1), joint="curve")
        else:
            pen.polygon(outline, fill=fill)

    def _puffs(self, parts: Parts, owner: int, extent: Extent) -> None:
        for puff in parts.puffs:
            u, v, depth = (float(x) for x in self.camera.project(np.array([puff.centre], np.float32))[0])
            radius = puff.radius * self.camera.focal / max(depth, NEAR)
            if depth < NEAR or radius < 0.7:
                continue
            if puff.alpha > 0.2:
                extent.grow(u - radius * 0.6, v - radius * 0.6, u + radius * 0.6, v + radius * 0.6)
            x0, y0, size = int(u - radius), int(v - radius), max(int(radius * 2), 2)
            left, right = max(x0, 0), min(x0 + size, FRAME_SIZE[0])
            top, bottom = max(y0, 0), min(y0 + size, FRAME_SIZE[1])
            if left >= right or top >= bottom:
                continue
            sprite = puff_sprites()[puff.sprite].resize((size, size), Image.Resampling.BILINEAR)
            cut = sprite.crop((left - x0, top - y0, right - x0, bottom - y0))
            alpha = np.asarray(cut, np.float32) * np.float32(puff.alpha / 255)
            lit = self.light.at(np.array([puff.centre], np.float32))[0]
            tint = np.array(puff.colour, np.float32) * (puff.glow + (1 - puff.glow) * lit)
            self._smudge(alpha, tint, left, top, depth, owner)

    def _smudge(self, alpha: Floats, tint: Floats, left: int, top: int, depth: float, owner: int) -> None:
        h, w = alpha.shape
        rows, cols = slice(top, top + h), slice(left, left + w)
        alpha = alpha * (self.depth[rows, cols] > depth)
        patch = self.image[:, rows, cols]
        patch += alpha * (tint[:, None, None] - patch)
        seen = alpha > 0.1
        self.owner[rows, cols][seen] = owner
        self.covered[rows, cols][seen] = owner


class _ProjectedCapsules:
    """Capsules in the image: per row ax, ay, bx, by, ra, rb, depth; colours with the light on them."""

    def __init__(self, caps: Capsules, camera: Camera, light: Light) -> None:
        a, b = camera.project(caps.a), camera.project(caps.b)
        ra = caps.ra * camera.focal / np.maximum(a[:, 2], NEAR)
        rb = caps.rb * camera.focal / np.maximum(b[:, 2], NEAR)
        self.depth = (a[:, 2] + b[:, 2]) / 2 - (caps.ra + caps.rb) * 0.25
        self.rows: list[list[float]] = np.stack(
            [a[:, 0], a[:, 1], b[:, 0], b[:, 1], ra, rb, self.depth], axis=1
        ).tolist()
        self.colour = (light.tone(caps.colour) * light.at((caps.a + caps.b) / 2)).astype(np.float32)


def _mesh_depth(mesh: Mesh, camera: Camera) -> float:
    return float(camera.project(np.concatenate([face.points for face in mesh.faces]))[:, 2].mean())


def _turned_away(screen: Floats) -> bool:
    x, y = screen[:, 0], screen[:, 1]
    area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return area > 0  # image y points down, so faces that are counter-clockwise in the world come out negative
