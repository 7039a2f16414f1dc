from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_models import CountingLvlm, RandomProjection

from anyanomaly_core.profile import ContextSpec, EncoderSpec, LvlmSpec, Profile, ScoringSpec
from anyanomaly_core.scoring.types import SegmentFrames
from tests.steady import steady_segments

Changes = dict[str, Any] | None


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other


@pytest.fixture
def encoder() -> RandomProjection:
    return RandomProjection()


@pytest.fixture
def lvlm() -> CountingLvlm:
    return CountingLvlm()


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    """Profile with changes such as ``contexts={"temporal": False}``."""

    def make(*, encoder: Changes = None, contexts: Changes = None, scoring: Changes = None) -> Profile:
        return Profile(
            name="test",
            encoder=EncoderSpec(model="demo", **(encoder or {})),
            lvlm=LvlmSpec(model="demo"),
            contexts=ContextSpec(**(contexts or {})),
            scoring=ScoringSpec(**(scoring or {})),
        )

    return make


@pytest.fixture
def make_segments() -> Callable[..., list[SegmentFrames]]:
    """Segments of a video of random pictures with soft shapes in them."""

    def make(
        frames: int, n: int = 24, *, step: int = 1, seed: int = 0, size: tuple[int, int] = (60, 80)
    ) -> list[SegmentFrames]:
        random = np.random.default_rng(seed)
        ground = random.integers(60, 180, (*size, 3))
        segments = []
        for segment in steady_segments(frames, n, step):
            images = []
            for _ in segment.sampled:
                image = ground + random.normal(0, 6, (*size, 3))
                y, x = random.integers(0, size[0] - 12), random.integers(0, size[1] - 12)
                image[y : y + 12, x : x + 12] = random.integers(0, 256, 3)
                images.append(image.clip(0, 255).astype(np.uint8))
            segments.append(SegmentFrames(segment, tuple(images)))
        return segments

    return make
