"""Who and what moves in a scene: each actor knows its parts at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anyanomaly_core.demo.world import people
from anyanomaly_core.demo.world.body import draw_appearance
from anyanomaly_core.demo.world.car import car
from anyanomaly_core.demo.world.dog import dog
from anyanomaly_core.demo.world.paths import Path
from anyanomaly_core.demo.world.people import Motion
from anyanomaly_core.demo.world.shapes import Parts
from anyanomaly_core.demo.world.smoke import plume
from anyanomaly_core.demo.world.things import luggage
from anyanomaly_core.demo.world.types import PERSON

Build = Callable[[Motion], Parts]

SPEEDS: dict[str, tuple[float, float]] = {
    "bicycle": (2.2, 4.2), "car": (1.6, 3.4), "skateboard": (1.6, 3.2), "stroller": (0.8, 1.3),
    "bag": (0, 0), "running": (3.0, 4.4), "lying": (0, 0), "fighting": (0, 0), "smoke": (0, 0),
    "dog": (0.5, 1.5), PERSON: (1.0, 1.6),
}  # fmt: skip
ROOM: dict[str, float] = {"car": 2.4, "fighting": 1.2, "bicycle": 1.0, "stroller": 1.0, "smoke": 1.0}


@dataclass(frozen=True)
class Actor:
    """Something labelled, on its path from start to end."""

    event: str
    path: Path
    build: Build
    start_s: float = -1e9
    end_s: float = 1e9

    def parts(self, t: float) -> Parts | None:
        """What it looks like at time t, or None when it is not there."""
        if not self.start_s <= t < self.end_s:
            return None
        return self.build(self.path.at(t))


def builder(event: str, rng: np.random.Generator, *, dark: bool) -> Build:
    """Draw the looks of an event (or of a "person"); `dark` turns on the lamps of cars."""
    seed = int(rng.integers(1 << 30))
    look, other = draw_appearance(rng), draw_appearance(rng)
    if event in ("bicycle", "skateboard", "running"):
        look = replace(look, coat=False)  # long coats would hide what the legs do
    if event == "bicycle":
        return lambda at: people.cyclist(look, seed, at)
    if event == "car":
        mesh = car(seed, lamps_on=dark and bool(rng.random() < 0.6))
        return lambda at: Parts(meshes=[mesh.placed(at.x, at.y, at.heading)])
    if event == "skateboard":
        return lambda at: people.skater(look, seed, at)
    if event == "stroller":
        return lambda at: people.pram_pusher(look, seed, at)
    if event == "bag":
        thing = luggage(seed)
        return lambda at: _place(thing, at)
    if event == "running":
        return lambda at: people.runner(look, at)
    if event == "lying":
        return lambda at: people.lying(look, seed, at)
    if event == "fighting":
        return lambda at: people.fighters((look, other), seed, at)
    if event == "dog":
        return lambda at: dog(seed, at)
    if event == "smoke":
        height, tone = float(rng.uniform(2.2, 3.6)), float(rng.choice([0.16, 0.3, 0.55, 0.62]))
        flames = bool(rng.random() < 0.5)
        return lambda at: plume(seed, at.x, at.y, at.t, height=height, dark=tone, flames=flames)
    carries = str(rng.choice(["", "", "", "bag", "bag", "umbrella"]))
    return lambda at: people.pedestrian(look, seed, at, carries)


def _place(thing: Parts, at: Motion) -> Parts:
    caps = thing.capsules.placed(at.x, at.y, at.heading) if thing.capsules is not None else None
    return Parts(caps, [mesh.placed(at.x, at.y, at.heading) for mesh in thing.meshes])
