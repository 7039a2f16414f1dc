"""Puts actors into a scene and says what can be seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world.actors import Actor
from anyanomaly_core.demo.world.bake import Scene
from anyanomaly_core.demo.world.canvas import Canvas, Extent
from anyanomaly_core.demo.world.shadow import shade_ground
from anyanomaly_core.demo.world.shapes import Parts
from anyanomaly_core.demo.world.types import FRAME_SIZE, Bytes, Floats, PixelBox

SEEN_SHARE, SEEN_HEIGHT = 0.35, 10.0


@dataclass(frozen=True)
class Moment:
    """A scene at one time, before a sensor has seen it."""

    light: Floats  # [3, H, W] that reaches the sensor
    boxes: tuple[PixelBox, ...]  # of what is visible
    owners: Bytes  # [H, W] 0: nobody, else the number of whom this pixel shows
    names: tuple[str, ...]  # of each number from 1 on


def compose(scene: Scene, actors: Sequence[Actor], t: float) -> Moment:
    """What a scene looks like at time t."""
    camera = scene.layout.camera
    present = [(actor, parts) for actor in actors if (parts := actor.parts(t)) is not None]
    canvas = Canvas(scene.image, scene.depth, camera, scene.light)
    _sway(canvas.image, scene, t)
    shade_ground(canvas.image, scene.ground, [parts for _, parts in present], camera, scene.light)
    away = [camera.depth_of(*_where(actor, t)) for actor, _ in present]
    extents: list[tuple[int, Actor, Extent, int]] = []
    for rank, index in enumerate(sorted(range(len(present)), key=lambda i: -away[i])):
        actor, parts = present[index]
        owner = rank + 1
        extent = canvas.draw(parts, owner)
        extents.append((owner, actor, extent, int(np.count_nonzero(canvas.covered == owner))))
    counts = np.bincount(canvas.owner.ravel(), minlength=256)
    boxes = (_box(actor, extent, int(counts[owner]), drawn) for owner, actor, extent, drawn in extents)
    visible = tuple(box for box in boxes if box is not None)
    return Moment(canvas.image, visible, canvas.owner, tuple(actor.event for _, actor, _, _ in extents))


def _where(actor: Actor, t: float) -> tuple[float, float]:
    at = actor.path.at(t)
    return at.x, at.y


def _box(actor: Actor, extent: Extent, seen: int, drawn: int) -> PixelBox | None:
    """The clipped box, when enough of the thing is inside the frame and not hidden."""
    x0, y0 = max(extent.x0, 0.0), max(extent.y0, 0.0)
    x1, y1 = min(extent.x1, float(FRAME_SIZE[0])), min(extent.y1, float(FRAME_SIZE[1]))
    if drawn == 0 or x1 - x0 < 3 or y1 - y0 < SEEN_HEIGHT:
        return None
    inside = (x1 - x0) * (y1 - y0) / max((extent.x1 - extent.x0) * (extent.y1 - extent.y0), 1.0)
    if inside * seen / drawn < SEEN_SHARE:
        return None
    return PixelBox(actor.event, x0, y0, x1, y1)


def _sway(image: Floats, scene: Scene, t: float) -> None:
    """Leaves move: a crown is mixed with itself one pixel to the side."""
    for sway in scene.sways:
        h, w = sway.cover.shape
        if w < 3:
            continue
        share = 0.5 + 0.5 * np.sin(t * 1.4 + sway.phase + np.arange(h, dtype=np.float32)[:, None] * 0.08)
        patch = image[:, sway.top : sway.top + h, sway.left : sway.left + w]
        moved = sway.cover[:, 1:] * share
        patch[:, :, 1:] += moved * (patch[:, :, :-1] - patch[:, :, 1:])


__all__ = ["Parts", "compose"]
