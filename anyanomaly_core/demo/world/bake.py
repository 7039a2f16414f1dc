"""A scene's background, drawn once per camera and condition: everything that does not move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anyanomaly_core.demo.world.canvas import Canvas
from anyanomaly_core.demo.world.facade import facade_colour
from anyanomaly_core.demo.world.foliage import crown_at
from anyanomaly_core.demo.world.furniture import furniture
from anyanomaly_core.demo.world.ground import ground_colour
from anyanomaly_core.demo.world.layout import Layout, Prop, Wall, make_layout
from anyanomaly_core.demo.world.light import Light, make_light
from anyanomaly_core.demo.world.noise import sample
from anyanomaly_core.demo.world.shadow import shade_ground
from anyanomaly_core.demo.world.shapes import Capsules, Parts
from anyanomaly_core.demo.world.types import FRAME_SIZE, Floats

_SKIES = {
    "sun": ((0.5, 0.62, 0.78), (0.76, 0.81, 0.86)),
    "overcast": ((0.7, 0.72, 0.74), (0.8, 0.81, 0.81)),
    "dusk": ((0.28, 0.32, 0.44), (0.62, 0.5, 0.46)),
    "night": ((0.03, 0.035, 0.05), (0.09, 0.085, 0.09)),
    "infrared": ((0.03, 0.03, 0.03), (0.05, 0.05, 0.05)),
}


@dataclass(frozen=True)
class Sway:
    """A crown of leaves that moves in the wind: its rectangle and coverage."""

    left: int
    top: int
    cover: Floats  # [h, w]
    phase: float


@dataclass(frozen=True)
class Scene:
    """A baked background and what is needed to draw into it."""

    layout: Layout
    light: Light
    image: Floats  # [3, H, W]
    depth: Floats  # [H, W], infinite where nothing can hide anybody
    ground: Floats  # [H, W], 1 where the ground is seen
    sways: tuple[Sway, ...]


@lru_cache(maxsize=24)
def bake(camera_seed: int, condition: str) -> Scene:
    """Draw the background of a camera under a condition."""
    layout = make_layout(camera_seed)
    rng = np.random.default_rng((camera_seed, 3, len(condition)))
    light = make_light(condition, rng, layout.lamps(rng), layout.camera.origin)
    rays = layout.camera.rays()
    image, depth, ground = _ground_and_sky(layout, light, rays, rng)
    for wall in layout.walls:
        _wall(layout, light, wall, rays, image, depth, ground)
    parts = [furniture(prop) for prop in layout.props]
    crowns = [_crown_shadow(prop) for prop in layout.props if prop.kind in ("tree", "bush")]
    shade_ground(image, ground, parts + crowns, layout.camera, light)
    sways = _props(layout, light, list(zip(layout.props, parts, strict=True)), image, depth, ground)
    soft = _soften(image)
    return Scene(layout, light, soft, depth, ground, tuple(sways))


def _ground_and_sky(
    layout: Layout, light: Light, rays: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    camera = layout.camera
    down = np.minimum(rays[2], -0.012)
    reach = camera.height / -down  # [H, W], depth of the ground
    x, y = rays[0] * reach, rays[1] * reach
    pixel = np.minimum(reach * reach / (camera.focal * camera.height), 3.0) * 0.6
    albedo = ground_colour(layout, x, y, pixel)
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    shade = light.ambient + light.diffuse * (0.5 + 0.5 * float(light.direction[2]))
    lit = light.at(points).T.reshape(3, *x.shape) * shade
    image = light.tone(albedo.transpose(1, 2, 0)).transpose(2, 0, 1) * lit
    top, low = (np.array(c, np.float32)[:, None, None] for c in _SKIES[light.condition])
    up = np.clip(rays[2] * 3.0, 0, 1)
    clouds = sample("cloud", rays[0] / (np.abs(rays[2]) + 0.25), rays[1] * 0 + 2 / (np.abs(rays[2]) + 0.25), 40.0)
    sky = (low + (top - low) * up) * (1 + 0.06 * clouds)
    seen = rays[2] < -0.012
    image = np.where(seen, image, sky).astype(np.float32)
    return image, np.full(x.shape, np.inf, np.float32), seen.astype(np.float32)


def _wall(layout: Layout, light: Light, wall: Wall, rays: Floats, image: Floats, depth: Floats, ground: Floats) -> None:
    """Cast every ray at one façade and colour the pixels that hit it first."""
    normal = np.array([wall.dy, -wall.dx, 0.0], np.float32)
    toward = rays[0] * normal[0] + rays[1] * normal[1]
    facing = wall.x * normal[0] + wall.y * normal[1]
    reach = facing / np.where(np.abs(toward) < 1e-4, 1e-4, toward)
    s = (rays[0] * reach - wall.x) * wall.dx + (rays[1] * reach - wall.y) * wall.dy
    z = layout.camera.height + rays[2] * reach
    hit = (toward < 0) & (reach > 0.5) & (s > 0) & (s < wall.length) & (z > 0) & (z < wall.height) & (reach < depth)
    if not hit.any():
        return
    where = np.nonzero(hit)
    distance = reach[where]
    pixel = distance / layout.camera.focal / np.maximum(-toward[where], 0.2)
    albedo, glow = facade_colour(wall, s[where], z[where], pixel)
    points = np.stack([rays[0][where] * distance, rays[1][where] * distance, z[where]], axis=1)
    shade = light.ambient + light.diffuse * (0.5 + 0.5 * float(normal @ light.direction))
    foot = 1 - 0.22 * np.exp(-z[where] / 0.35)
    lit = light.tone(albedo.T) * light.at(points) * (shade * foot)[:, None]
    if light.condition in ("dusk", "night"):
        share = (glow * 0.8)[:, None]
        lit = lit * (1 - share) + np.array((0.95, 0.78, 0.5), np.float32) * share
    image[:, where[0], where[1]] = lit.T
    depth[where] = distance
    ground[where] = 0.0


def _crown_shadow(prop: Prop) -> Parts:
    if prop.kind == "bush":
        return Parts(Capsules.of([((prop.x, prop.y, 0.3), (prop.x, prop.y, 0.5), 0.7, 0.7, (0, 0, 0))]))
    rng, z = np.random.default_rng(prop.seed), prop.size * 0.8
    rows = []
    for _ in range(7):
        x, y = prop.x + float(rng.normal(0, 0.8)), prop.y + float(rng.normal(0, 0.8))
        rows.append(((x, y, z), (x, y, z + 0.5), 0.6, 0.7, (0.0, 0.0, 0.0)))
    return Parts(Capsules.of(rows))


def _props(
    layout: Layout, light: Light, props: list[tuple[Prop, Parts]], image: Floats, depth: Floats, ground: Floats
) -> list[Sway]:
    """Draw the furniture far to near; each prop then hides what moves behind it."""
    sways: list[Sway] = []
    camera = layout.camera
    for prop, parts in sorted(props, key=lambda item: -camera.depth_of(item[0].x, item[0].y)):
        away = camera.depth_of(prop.x, prop.y)
        if away < 1.5:
            continue
        canvas = Canvas(image, depth, camera, light)
        canvas.draw(parts, 1)
        image[:] = canvas.image
        solid = canvas.owner == 1
        depth[solid] = away
        ground[solid] = 0.0
        if prop.kind in ("tree", "bush", "planter"):
            sways += _leaves(layout, light, prop, away, image, depth, ground)
    return sways


def _leaves(
    layout: Layout, light: Light, prop: Prop, away: float, image: Floats, depth: Floats, ground: Floats
) -> list[Sway]:
    camera = layout.camera
    middle, wide, tall = {
        "tree": (prop.size * 0.78, prop.size * 0.62, prop.size * 0.55),
        "bush": (0.55, 1.8, 1.3),
        "planter": (0.72, 1.5, 0.8),
    }[prop.kind]
    u, v, _ = (float(c) for c in camera.project(np.array([[prop.x, prop.y, middle]], np.float32))[0])
    per_metre = camera.focal / away
    width, height = max(int(wide * per_metre), 4), max(int(tall * per_metre), 4)
    left, top = int(u - width / 2), int(v - height / 2)
    x0, x1 = max(left, 0), min(left + width, FRAME_SIZE[0])
    y0, y1 = max(top, 0), min(top + height, FRAME_SIZE[1])
    if x0 >= x1 or y0 >= y1 or width > 3000:
        return []
    shade, cover = (c[y0 - top : y1 - top, x0 - left : x1 - left] for c in crown_at(prop.seed % 8, width, height))
    rng = np.random.default_rng(prop.seed)
    leaf = np.array([(0.2, 0.27, 0.12), (0.25, 0.29, 0.13), (0.3, 0.28, 0.14), (0.16, 0.23, 0.13)][rng.integers(4)])
    lit = light.tone(leaf.astype(np.float32)) * light.at(np.array([[prop.x, prop.y, middle]], np.float32))[0]
    patch = image[:, y0:y1, x0:x1]
    cover = cover * (depth[y0:y1, x0:x1] > away)
    patch += cover * (lit[:, None, None] * shade * (light.ambient + light.diffuse * 0.8) - patch)
    depth[y0:y1, x0:x1][cover > 0.5] = away
    ground[y0:y1, x0:x1][cover > 0.3] = 0.0
    if prop.kind == "planter":
        return []
    return [Sway(x0, y0, cover, float(rng.uniform(0, 6)))]


def _soften(image: Floats) -> Floats:
    """The lens: a touch of blur, so that the background is as soft as what is drawn over it."""
    padded: npt.NDArray[np.float32] = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = 0.22 * padded[:, :-2] + 0.56 * padded[:, 1:-1] + 0.22 * padded[:, 2:]
    return np.ascontiguousarray(0.22 * rows[:, :, :-2] + 0.56 * rows[:, :, 1:-1] + 0.22 * rows[:, :, 2:])
