"""The camera's own part in the picture: exposure, vignette, colour cast, noise, flicker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image

from anyanomaly_core.demo.world.bake import Scene
from anyanomaly_core.demo.world.types import FRAME_SIZE, Bytes, Floats

_TARGET = {"sun": 0.5, "overcast": 0.42, "dusk": 0.32, "night": 0.3, "infrared": 0.36}
_GRAIN = {"sun": 0.012, "overcast": 0.016, "dusk": 0.022, "night": 0.027, "infrared": 0.024}


@dataclass(frozen=True)
class Sensor:
    """One camera's settings."""

    gain: Floats  # [3, H, W]: exposure, vignette and colour cast
    lift: float  # black level
    grain: float
    grey: bool

    def develop(self, image: Floats, rng: np.random.Generator) -> Bytes:
        """From light [3, H, W] to a recorded picture [H, W, 3]; uses up the input."""
        image *= self.gain
        if self.grey:
            image[1] = image.mean(axis=0)
        picture = image[1:2] if self.grey else image
        flicker = 1.0 + float(rng.normal(0, 0.006))
        # A shoulder keeps bright things from clipping hard, as a sensor's tone curve does.
        picture = picture * (1.18 * flicker) / (0.75 + 0.43 * picture)
        dy, dx = (int(v) for v in rng.integers(0, 256, 2))
        speckle = _speckle()[:, dy : dy + FRAME_SIZE[1], dx : dx + FRAME_SIZE[0]]
        picture += speckle[0] * (self.grain * (1.15 - 0.6 * np.minimum(picture[-1], 1.0)))
        if not self.grey:
            picture[0] += speckle[1] * (self.grain * 0.6)
            picture[2] += speckle[2] * (self.grain * 0.8)
        levels = np.clip(picture * (250.0 * (1 - self.lift)) + 255.0 * self.lift, 0, 255).astype(np.uint8)
        if self.grey:
            levels = np.repeat(levels, 3, axis=0)
        return np.ascontiguousarray(levels.transpose(1, 2, 0))


def make_sensor(scene: Scene, rng: np.random.Generator) -> Sensor:
    """A sensor that exposes this scene as an automatic camera would."""
    condition = scene.light.condition
    level = float(np.median(scene.image[:, FRAME_SIZE[1] // 4 :].mean(axis=0)))
    exposure = float(np.clip(_TARGET[condition] * rng.uniform(0.85, 1.12) / max(level, 0.02), 0.5, 2.6))
    x = np.linspace(-1, 1, FRAME_SIZE[0], dtype=np.float32)[None, :]
    y = np.linspace(-0.75, 0.75, FRAME_SIZE[1], dtype=np.float32)[:, None]
    radius = x * x + y * y
    depth = float(rng.uniform(0.08, 0.26)) + (0.22 if condition == "infrared" else 0.0)
    vignette = 1.0 - depth * radius
    if condition == "infrared":
        vignette = vignette * (0.78 + 0.42 * np.exp(-radius * 1.8))
    cast = np.array([rng.uniform(0.95, 1.06), 1.0, rng.uniform(0.93, 1.07)], np.float32)
    gain = (vignette[None] * cast[:, None, None] * exposure).astype(np.float32)
    lift = float(rng.uniform(0.01, 0.07))
    return Sensor(gain, lift, _GRAIN[condition] * float(rng.uniform(0.7, 1.4)), condition == "infrared")


@lru_cache(maxsize=1)
def _speckle() -> Floats:
    """Sensor noise, a little wider than a pixel as after the camera's own sharpening [3, H + 256, W + 256]."""
    rng = np.random.default_rng(5)
    raw = rng.normal(0, 1, (3, FRAME_SIZE[1] + 257, FRAME_SIZE[0] + 257)).astype(np.float32)
    mixed = raw[:, 1:, 1:] + 0.5 * raw[:, :-1, 1:] + 0.5 * raw[:, 1:, :-1]
    even: Floats = (mixed / mixed.std()).astype(np.float32)
    return even


def compress(image: Bytes, quality: int) -> Bytes:
    """A JPEG round trip."""
    store = BytesIO()
    Image.fromarray(image).save(store, "JPEG", quality=quality)
    return np.array(Image.open(store))
