"""Shadows on the ground: cast along the sun, and the dark patch under anything that touches the ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from anyanomaly_core.demo.world.camera import NEAR, Camera
from anyanomaly_core.demo.world.light import Light
from anyanomaly_core.demo.world.shapes import Parts
from anyanomaly_core.demo.world.types import FRAME_SIZE, Floats

_HALF = (FRAME_SIZE[0] // 2, FRAME_SIZE[1] // 2)
_CIRCLE = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 10, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 10, endpoint=False))],
    axis=1,
).astype(np.float32)


def shade_ground(image: Floats, ground: Floats, things: Sequence[Parts], camera: Camera, light: Light) -> None:
    """Darken an image [3, H, W] in place where things shade the ground (`ground` is 1 there, [H, W])."""
    polygons: list[tuple[Floats, int]] = []
    for parts in things:
        polygons += [(ring, int(255 * light.contact)) for ring in _contact(parts)]
        if light.shadow > 0:
            polygons += [(ring, int(255 * light.shadow)) for ring in _cast(parts, light.direction)]
    if not polygons:
        return
    polygons.sort(key=lambda item: item[1])
    flat = np.concatenate([ring for ring, _ in polygons])
    screen = camera.project(np.concatenate([flat, np.zeros((len(flat), 1), np.float32)], axis=1))
    mask = Image.new("L", _HALF)
    pen = ImageDraw.Draw(mask)
    start = 0
    for ring, level in polygons:
        points = screen[start : start + len(ring)]
        start += len(ring)
        if float(points[:, 2].min()) > NEAR:
            pen.polygon([(x / 2, y / 2) for x, y, _ in points.tolist()], fill=level)
    box = mask.getbbox()
    if box is None:
        return
    box = (max(box[0] - 3, 0), max(box[1] - 3, 0), min(box[2] + 3, _HALF[0]), min(box[3] + 3, _HALF[1]))
    soft = mask.crop(box).filter(ImageFilter.GaussianBlur(1.0))
    soft = soft.resize((soft.width * 2, soft.height * 2), Image.Resampling.BILINEAR)
    rows, columns = slice(box[1] * 2, box[3] * 2), slice(box[0] * 2, box[2] * 2)
    image[:, rows, columns] *= 1.0 - np.asarray(soft, np.float32) * (1 / 255) * ground[rows, columns]


def _cast(parts: Parts, sun: Floats) -> list[Floats]:
    """Ground polygons [N, 2] of the shadows of all shapes."""
    slope = sun[:2] / max(float(sun[2]), 0.2)
    rings: list[Floats] = []
    caps = parts.capsules
    if caps is not None:
        a = caps.a[:, :2] - caps.a[:, 2:] * slope
        b = caps.b[:, :2] - caps.b[:, 2:] * slope
        gap = b - a
        length = np.sqrt((gap**2).sum(axis=1, keepdims=True)) + 1e-6
        unit = gap / length
        side = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
        ra, rb = caps.ra[:, None], caps.rb[:, None]
        rings += list(
            np.stack([a + side * ra, a - unit * ra, a - side * ra, b - side * rb, b + unit * rb, b + side * rb], axis=1)
        )
    for mesh in parts.meshes:
        for face in mesh.faces:
            if face.alpha > 0.5 and face.width == 0.0:
                rings.append((face.points[:, :2] - face.points[:, 2:] * slope).astype(np.float32))
    return rings


def _contact(parts: Parts) -> list[Floats]:
    """Ground polygons right under the low parts of a thing."""
    rings: list[Floats] = []
    caps = parts.capsules
    if caps is not None:
        height = np.minimum(caps.a[:, 2], caps.b[:, 2])
        for i in np.flatnonzero(height < 0.35):
            middle, reach = (caps.a[i, :2] + caps.b[i, :2]) / 2, float(np.hypot(*(caps.b[i, :2] - caps.a[i, :2]))) / 2
            rings.append((middle + _CIRCLE * (reach + float(caps.ra[i]) * 1.5)).astype(np.float32))
    for mesh in parts.meshes:
        points = np.concatenate([face.points for face in mesh.faces])
        if len(points) > 250 or all(face.width == 0.0 for face in mesh.faces):
            rings += [f.points[:, :2] for f in mesh.faces if f.two_sided and f.width == 0.0 and f.alpha > 0.5]
    return rings
