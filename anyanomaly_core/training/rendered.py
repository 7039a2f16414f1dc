"""Clips of the rendered world, whose renderer knows which pixel belongs to whom."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, EventSpan, RenderedFrame
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.models.protocols import Image
from anyanomaly_core.training.exposure import Masks

CAMERAS = 400  # as many as the demo's other models learn from; even seeds, held-out ones are odd
FPS, SECONDS = 2.0, 4.0  # of a clip of eight frames


class RenderedSource:
    """Short clips, each of one or two events, rendered when they are asked for."""

    def __init__(self, seed: int, clips: int, *, held_out: bool = False) -> None:
        """Plan clips; the same arguments give the same pixels.

        Args:
            seed: of all of them.
            clips: how many.
            held_out: look through cameras that no training sees.
        """
        self._seed, self._clips, self._held_out = seed, clips, held_out
        self.rendered = lru_cache(maxsize=4)(self._rendered)

    @property
    def name(self) -> str:
        """As the recipe calls it."""
        return "rendered"

    @property
    def longest_list(self) -> int:
        """Ten events, of which a clip may show two."""
        return len(EVENT_NAMES) - 2

    def __len__(self) -> int:
        """Clips."""
        return self._clips

    def words(self, index: int) -> Sequence[str]:
        """One of the texts of each event that is really seen."""
        random = np.random.default_rng((self._seed, index, 3))
        return [str(random.choice(EVENT_TEXTS[name])) for name in self._seen(index)]

    def absent(self, index: int, random: np.random.Generator) -> Sequence[str]:
        """A text of each other event."""
        planned = {span.event for span in self._spans(index)}
        return [str(random.choice(EVENT_TEXTS[name])) for name in EVENT_NAMES if name not in planned]

    def clip(
        self, index: int, words: Sequence[str], frames: int, random: np.random.Generator
    ) -> tuple[list[Image], Masks]:
        """The first frames from a random one on."""
        rendered = self.rendered(index)
        start = int(random.integers(max(1, len(rendered) - frames + 1)))
        shown = rendered[start : start + frames]
        events = {name for name, word in zip(self._seen(index), self.words(index), strict=True) if word in words}
        return [frame.image for frame in shown], np.stack([frame.mask(events) for frame in shown])

    def _spans(self, index: int) -> list[EventSpan]:
        random = np.random.default_rng((self._seed, index, 1))
        count = int(random.integers(1, 3))
        return [EventSpan(str(name), 0.0, SECONDS) for name in random.choice(EVENT_NAMES, count, replace=False)]

    def _rendered(self, index: int) -> tuple[RenderedFrame, ...]:
        random = np.random.default_rng((self._seed, index, 2))
        camera = 2 * int(random.integers(CAMERAS)) + self._held_out
        clip = plan_clip(self._seed + index, camera_seed=camera, duration_s=SECONDS, fps=FPS, events=self._spans(index))
        return tuple(clip.frames())

    def _seen(self, index: int) -> list[str]:
        """Events with at least one pixel somewhere."""
        frames = self.rendered(index)
        return sorted({span.event for span in self._spans(index) if any(f.mask({span.event}).any() for f in frames)})
