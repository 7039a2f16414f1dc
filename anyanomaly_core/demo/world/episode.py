"""Stills, short episodes and clips: the public ways to get frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyanomaly_core.demo.world.bake import Scene, bake
from anyanomaly_core.demo.world.casting import cast_moment
from anyanomaly_core.demo.world.frame import compose
from anyanomaly_core.demo.world.light import CONDITIONS
from anyanomaly_core.demo.world.osd import burn_in
from anyanomaly_core.demo.world.sensor import Sensor, compress, make_sensor
from anyanomaly_core.demo.world.types import EVENT_NAMES, FRAME_SIZE, RenderedFrame

STILLS_PER_SCENE = 16  # neighbouring seeds share a baked background, which is what costs
TRAINING_CAMERAS = 400
_ODDS = (0.3, 0.25, 0.15, 0.16, 0.14)  # of the conditions
_COUNTS = (0.25, 0.42, 0.23, 0.1)  # of 0-3 events


def draw_condition(rng: np.random.Generator) -> str:
    """A time of day."""
    return str(rng.choice(CONDITIONS, p=_ODDS))


def _setting(seed: int) -> tuple[Scene, Sensor]:
    rng = np.random.default_rng((seed // STILLS_PER_SCENE, 17))
    camera_seed = 2 * int(rng.integers(TRAINING_CAMERAS))
    scene = bake(camera_seed, draw_condition(rng))
    return scene, make_sensor(scene, rng)


def _draw_events(rng: np.random.Generator) -> list[str]:
    count = int(rng.choice(4, p=_COUNTS))
    return [str(name) for name in rng.choice(EVENT_NAMES, count, replace=False)]


def _osd(rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    if rng.random() < 0.15:
        return ()
    name = str(rng.choice(["CAM", "CH", "Camera ", "IPC-", "NVR "])) + f"{int(rng.integers(1, 33)):02d}"
    day = f"20{int(rng.integers(15, 27))}-{int(rng.integers(1, 13)):02d}-{int(rng.integers(1, 29)):02d}"
    clock = f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}:{int(rng.integers(60)):02d}"
    corners = [("tl", "br"), ("tr", "bl"), ("bl", "tl"), ("tl", "tr")][int(rng.integers(4))]
    return ((corners[0], f"{day} {clock}"), (corners[1], name))


def _moments(seed: int, times: Sequence[float], salt: int) -> list[RenderedFrame]:
    rng = np.random.default_rng((seed, salt))
    scene, sensor = _setting(seed)
    actors = cast_moment(scene, rng, _draw_events(rng), int(rng.choice(7, p=_PEOPLE)))
    lines, mirror = _osd(rng), bool(rng.random() < 0.5)
    quality = int(rng.integers(35, 92)) if rng.random() < 0.7 else 0
    frames = []
    for t in times:
        moment = compose(scene, actors, float(t))
        image, boxes, owners = sensor.develop(moment.light, rng), moment.boxes, moment.owners
        if mirror:
            image, owners = np.ascontiguousarray(image[:, ::-1]), owners[:, ::-1]
            boxes = tuple(box.mirrored(FRAME_SIZE[0]) for box in boxes)
        burn_in(image, lines)
        frames.append(RenderedFrame(compress(image, quality) if quality else image, boxes, owners, moment.names))
    return frames


_PEOPLE = (0.14, 0.2, 0.22, 0.18, 0.13, 0.08, 0.05)


def render_still(seed: int) -> RenderedFrame:
    """One picture of a training camera; the same seed gives the same pixels.

    Sixteen neighbouring seeds look at the same background, so ask for them in order.
    """
    return _moments(seed, (0.0,), 1)[0]


def render_moments(seed: int, *, gap_s: float = 0.5) -> list[RenderedFrame]:
    """Four moments of one short episode, `gap_s` apart."""
    return _moments(seed, [(k - 1.5) * gap_s for k in range(4)], 2)
