"""Chooses who is where: free, visible spots at the right distance."""

from __future__ import annotations

import numpy as np

from anyanomaly_core.demo.world.actors import ROOM, SPEEDS, Actor, builder
from anyanomaly_core.demo.world.bake import Scene
from anyanomaly_core.demo.world.paths import Straight
from anyanomaly_core.demo.world.types import FRAME_SIZE, PERSON

Taken = list[tuple[float, float, float]]


def free_spot(
    scene: Scene, rng: np.random.Generator, event: str, taken: Taken, *, near: float = 0.0, far: float = 0.0
) -> tuple[float, float] | None:
    """A visible ground point where an event fits; figures there are 14-45 % of the frame high."""
    camera, room = scene.layout.camera, ROOM.get(event, 0.6)
    closest = near or camera.focal * 1.75 / (0.45 * FRAME_SIZE[1])
    deepest = far or camera.focal * 1.75 / (0.145 * FRAME_SIZE[1])
    if event in ("bag", "dog", "lying"):
        deepest = closest + (deepest - closest) * 0.72
    if event == "car":
        closest, deepest = closest * 1.25, deepest * 1.15
    for _ in range(40):
        depth = closest * (deepest / closest) ** float(rng.random())
        u = FRAME_SIZE[0] * float(rng.uniform(0.12, 0.88))
        x, y = camera.stand_at(u, depth)
        foot = float(camera.project(np.array([[x, y, 0.0]], np.float32))[0, 1])
        if foot > FRAME_SIZE[1] * 1.02 or not scene.layout.free(x, y, room):
            continue
        if all((x - a) ** 2 + (y - b) ** 2 > (room + r) ** 2 for a, b, r in taken):
            taken.append((x, y, room))
            return x, y
    return None


def heading_for(event: str, scene: Scene, rng: np.random.Generator) -> float:
    """A direction of travel: any, but things that are told by their side view mostly go across."""
    across = {"car": 0.6, "bicycle": 0.6, "skateboard": 0.4, "dog": 0.7, "running": 0.6, "stroller": 0.6}
    view = -scene.layout.camera.yaw  # direction of image right in the world
    if rng.random() < across.get(event, 0.45):
        return float(view + rng.choice([0, np.pi]) + rng.normal(0, 0.3))
    return float(rng.uniform(-np.pi, np.pi))


def cast_moment(scene: Scene, rng: np.random.Generator, events: list[str], people: int) -> list[Actor]:
    """Actors around time 0: the events, then ordinary people wherever there is room."""
    taken: Taken = []
    actors: list[Actor] = []
    dark = scene.light.condition in ("dusk", "night")
    for event in [*events, *[PERSON] * people]:
        far = 22.0 if event == PERSON else 0.0
        spot = free_spot(scene, rng, event, taken, far=far)
        build = builder(event, rng, dark=dark)
        low, high = SPEEDS[event]
        speed = float(rng.uniform(low, high))
        if event in ("car", "dog", PERSON) and rng.random() < 0.35:
            speed = 0.0
        heading = heading_for(event, scene, rng)
        if spot is not None:
            path = Straight(*spot, heading, speed, 0.0, float(rng.uniform(0, 20)))
            actors.append(Actor(event, path, build))
            if event == PERSON and speed == 0.0 and rng.random() < 0.4:
                actors.append(_companion(path, rng))
    return actors


def _companion(path: Straight, rng: np.random.Generator) -> Actor:
    """Somebody who stands with another person, talking: close together is not yet a fight."""
    gap = float(rng.uniform(0.75, 1.15))
    x, y = path.x + gap * np.cos(path.heading), path.y + gap * np.sin(path.heading)
    facing = path.heading + np.pi + float(rng.normal(0, 0.2))
    return Actor(PERSON, Straight(float(x), float(y), facing, 0.0), builder(PERSON, rng, dark=False))
