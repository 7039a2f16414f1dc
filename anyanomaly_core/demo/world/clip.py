"""Clips: people come and go for minutes while planned events happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.demo.world.actors import SPEEDS, Actor, builder
from anyanomaly_core.demo.world.bake import Scene, bake
from anyanomaly_core.demo.world.casting import Taken, free_spot, heading_for
from anyanomaly_core.demo.world.episode import draw_condition
from anyanomaly_core.demo.world.frame import compose
from anyanomaly_core.demo.world.osd import burn_in
from anyanomaly_core.demo.world.paths import Path, Straight, smooth_curve
from anyanomaly_core.demo.world.sensor import make_sensor
from anyanomaly_core.demo.world.types import FRAME_SIZE, PERSON, EventSpan, Floats, RenderedFrame

_STILL_EVENTS = ("bag", "lying", "fighting", "smoke")


@dataclass(frozen=True)
class Clip:
    """A recording that can be rendered frame by frame."""

    seed: int
    camera_seed: int
    duration_s: float
    fps: float
    events: tuple[EventSpan, ...]
    condition: str

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return round(self.duration_s * self.fps)

    def frames(self, osd: Sequence[tuple[tuple[str, str], ...]] | None = None) -> Iterator[RenderedFrame]:
        """Render in order; `osd` gives the burnt-in (corner, text) lines of every frame."""
        scene = bake(self.camera_seed, self.condition)
        sensor = make_sensor(scene, np.random.default_rng((self.camera_seed, 19)))
        actors = _cast(scene, self)
        grain = np.random.default_rng((self.seed, 23))
        for index in range(self.frame_count):
            moment = compose(scene, actors, index / self.fps)
            image = sensor.develop(moment.light, grain)
            if osd is not None:
                burn_in(image, tuple(osd[index]))
            yield RenderedFrame(image, moment.boxes, moment.owners, moment.names)


def plan_clip(
    seed: int, *, camera_seed: int, duration_s: float, fps: float, events: Sequence[EventSpan],
    condition: str | None = None,
) -> Clip:  # fmt: skip
    """A clip that is described but not rendered yet."""
    chosen = condition or draw_condition(np.random.default_rng((seed, camera_seed, 29)))
    return Clip(seed, camera_seed, duration_s, fps, tuple(events), chosen)


def make_clip(
    seed: int, *, camera_seed: int, duration_s: float, fps: float, events: Sequence[EventSpan],
    condition: str | None = None,
) -> Iterator[RenderedFrame]:  # fmt: skip
    """Render a clip frame by frame; the same arguments give the same pixels."""
    return plan_clip(
        seed, camera_seed=camera_seed, duration_s=duration_s, fps=fps, events=events, condition=condition
    ).frames()


def _cast(scene: Scene, clip: Clip) -> list[Actor]:
    """Events draw from their own generators, so that people are the same with and without them."""
    taken: Taken = []
    dark = scene.light.condition in ("dusk", "night")
    actors = []
    for index, span in enumerate(clip.events):
        rng = np.random.default_rng((clip.seed, clip.camera_seed, 31, index))
        actors.append(_event_actor(scene, rng, span, taken, dark))
    rng = np.random.default_rng((clip.seed, clip.camera_seed, 37))
    return [actor for actor in actors if actor is not None] + _passers_by(scene, rng, clip.duration_s, dark)


def _event_actor(scene: Scene, rng: np.random.Generator, span: EventSpan, taken: Taken, dark: bool) -> Actor | None:
    build = builder(span.event, rng, dark=dark)
    if span.event in _STILL_EVENTS:
        spot = free_spot(scene, rng, span.event, taken)
        if spot is None:
            return None
        path: Path = Straight(*spot, heading_for(span.event, scene, rng), 0.0, span.start_s)
    else:
        path = _wander(scene, rng, span)
    return Actor(span.event, path, build, span.start_s, span.end_s)


def _wander(scene: Scene, rng: np.random.Generator, span: EventSpan) -> Path:
    """In from one side, about in view until the time is up."""
    low, high = SPEEDS[span.event]
    speed = float(rng.uniform(low, high)) * 0.9
    need = speed * (span.end_s - span.start_s)
    side = float(rng.choice([-1, 1]))
    corners = [_edge(scene, rng, span.event, side)]
    length, tries = 0.0, 0
    while length < need and tries < 200:
        tries += 1
        spot = free_spot(scene, rng, span.event, [])
        if spot is None:
            break
        step = float(np.hypot(spot[0] - corners[-1][0], spot[1] - corners[-1][1]))
        if step < (5.0 if span.event == "car" else 3.0) and tries < 150:
            continue
        if not _clear(scene, corners[-1], spot) and tries < 120:
            continue
        corners.append(spot)
        length += step
    if len(corners) < 2:
        spot = scene.layout.camera.stand_at(FRAME_SIZE[0] / 2, 8.0)
        corners.append(spot)
    points: Floats = np.array(corners, np.float32)
    return smooth_curve(points, speed, span.start_s)


def _edge(scene: Scene, rng: np.random.Generator, event: str, side: float) -> tuple[float, float]:
    """A point just at the left or right border of the view."""
    camera = scene.layout.camera
    for _ in range(30):
        depth = float(rng.uniform(6.5, 12.0))
        beyond = (1.2 if event == "car" else 0.35) * camera.focal / depth
        u = -beyond if side < 0 else FRAME_SIZE[0] + beyond
        x, y = camera.stand_at(u, depth)
        if scene.layout.free(x, y, 0.3):
            return x, y
    return camera.stand_at(FRAME_SIZE[0] / 2, 9.0)


def _clear(scene: Scene, a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(scene.layout.free(a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k, 0.3) for k in (0.25, 0.5, 0.75))


def _passers_by(scene: Scene, rng: np.random.Generator, duration_s: float, dark: bool) -> list[Actor]:
    """Ordinary people: some cross the view at some time, one or two stand about."""
    actors = []
    rate = float(rng.uniform(0.05, 0.22))  # people a second
    for _ in range(int(rng.poisson(rate * duration_s)) + 1):
        spot = free_spot(scene, rng, PERSON, [], far=20.0)
        build = builder(PERSON, rng, dark=dark)
        heading, speed = heading_for(PERSON, scene, rng), float(rng.uniform(*SPEEDS[PERSON]))
        middle = float(rng.uniform(-2, duration_s + 2))
        if spot is None or not _stays_free(scene, spot, heading):
            continue
        path = Straight(*spot, heading, speed, middle)
        actors.append(Actor(PERSON, path, build, middle - 16 / speed, middle + 16 / speed))
    for _ in range(int(rng.integers(0, 3))):
        spot = free_spot(scene, rng, PERSON, [], far=16.0)
        build = builder(PERSON, rng, dark=dark)
        if spot is not None:
            actors.append(Actor(PERSON, Straight(*spot, heading_for(PERSON, scene, rng), 0.0), build))
    return actors


def _stays_free(scene: Scene, spot: tuple[float, float], heading: float) -> bool:
    steps = np.arange(-10, 11, 1.0)
    return all(
        scene.layout.free(spot[0] + float(np.cos(heading)) * k, spot[1] + float(np.sin(heading)) * k, 0.2)
        or abs(
            scene.layout.camera.project(
                np.array([[spot[0] + np.cos(heading) * k, spot[1] + np.sin(heading) * k, 0]], np.float32)
            )[0, 0]
            - FRAME_SIZE[0] / 2
        )
        > FRAME_SIZE[0] * 0.55
        for k in steps
    )
