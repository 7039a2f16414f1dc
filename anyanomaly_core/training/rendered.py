"""Clips of the rendered world, whose renderer knows which pixel belongs to whom.

Two kinds: short clips, and moments of one camera at different times, whose background is the same and whose events are
not. The second says more about what an event looks like, for the same time of rendering.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS, UNRELATED_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, EventSpan, RenderedFrame, render_still
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.demo.world.episode import STILLS_PER_SCENE
from anyanomaly_core.demo.world.sensor import compress
from anyanomaly_core.models.protocols import Image
from anyanomaly_core.training.exposure import Masks

CAMERAS = 400  # as many as the demo's other models learn from; their seeds are even, held-out ones odd
FPS, SECONDS = 2.0, 4.0  # of a clip of eight frames
MOMENTS = 4  # of one camera
SEEN_PIXELS = 40  # below it nobody could say what it is
LONGEST_LIST = 10
COMPRESSED = 0.7  # share of clips that went through a codec

Render = Callable[[int], Sequence[RenderedFrame]]


class RenderedSource:
    """What a function renders, when it is asked for; kept in a folder if there is one."""

    def __init__(self, name: str, render: Render, count: int, seed: int, kept: Path | None = None) -> None:
        """Plan; the same arguments give the same pixels.

        Args:
            name: as the recipe calls it.
            render: frames of a number from 0 on.
            count: how many numbers there are.
            seed: of the words.
            kept: folder for what was rendered; None: in memory, the newest few.
        """
        self._name, self._render, self._count, self._seed = name, render, count, seed
        self._kept = None if kept is None else kept / f"{name}-{seed}"
        self.rendered = lru_cache(maxsize=4)(self._rendered)
        self._pixels = lru_cache(maxsize=4)(self._count_pixels)

    @property
    def name(self) -> str:
        """As the recipe calls it."""
        return self._name

    @property
    def longest_list(self) -> int:
        """As many words as the world has events."""
        return LONGEST_LIST

    def __len__(self) -> int:
        """Numbers."""
        return self._count

    def words(self, index: int) -> Sequence[str]:
        """One of the texts of each event that is really seen."""
        random = np.random.default_rng((self._seed, index, 3))
        return [str(random.choice(EVENT_TEXTS[name])) for name in self._seen(index, SEEN_PIXELS)]

    def absent(self, index: int, random: np.random.Generator) -> Sequence[str]:
        """A text of each event of which no pixel is seen, and things that the world does not hold."""
        seen = self._seen(index, 1)
        texts = [str(random.choice(EVENT_TEXTS[name])) for name in EVENT_NAMES if name not in seen]
        return [*texts, *(str(text) for text in random.choice(UNRELATED_TEXTS, LONGEST_LIST, replace=False))]

    def clip(
        self, index: int, words: Sequence[str], frames: int, random: np.random.Generator
    ) -> tuple[list[Image], Masks]:
        """The first frames from a random one on."""
        rendered = self.rendered(index)
        start = int(random.integers(max(1, len(rendered) - frames + 1)))
        part = rendered[start : start + frames]
        seen = self._seen(index, SEEN_PIXELS)
        events = {name for name, word in zip(seen, self.words(index), strict=True) if word in words}
        return [frame.image for frame in part], np.stack([frame.mask(events) for frame in part])

    def _seen(self, index: int, pixels: int) -> list[str]:
        """Events of which some frame shows so many pixels."""
        most = self._pixels(index)
        return [name for name in EVENT_NAMES if most.get(name, 0) >= pixels]

    def _count_pixels(self, index: int) -> dict[str, int]:
        """Of each event, in the frame that shows most of it."""
        most: dict[str, int] = {}
        for frame in self.rendered(index):
            counts = np.bincount(frame.owners.ravel(), minlength=len(frame.names) + 1)[1:]
            for name in set(frame.names):
                here = sum(int(count) for count, owner in zip(counts, frame.names, strict=False) if owner == name)
                most[name] = max(most.get(name, 0), here)
        return most

    def _rendered(self, index: int) -> tuple[RenderedFrame, ...]:
        if self._kept is None:
            return tuple(self._render(index))
        path = self._kept / f"{index:06}.npz"
        if not path.exists():
            _keep(tuple(self._render(index)), path)
        with np.load(path, allow_pickle=False) as found:
            images, owners, names = found["images"], found["owners"], json.loads(str(found["names"]))
        return tuple(
            RenderedFrame(image, (), owner, tuple(given))
            for image, owner, given in zip(images, owners, names, strict=True)
        )


def rendered_clips(seed: int, count: int, *, kept: Path | None = None) -> RenderedSource:
    """Clips of one or two events.

    Args:
        seed: of all of them.
        count: how many.
        kept: folder for what was rendered.
    """

    def render(index: int) -> list[RenderedFrame]:
        random = np.random.default_rng((seed, index, 2))
        camera = 2 * int(random.integers(CAMERAS))
        names = random.choice(EVENT_NAMES, int(random.integers(1, 3)), replace=False)
        events = [EventSpan(str(name), 0.0, SECONDS) for name in names]
        quality = int(random.integers(35, 92)) if random.random() < COMPRESSED else None
        clip = plan_clip(seed + index, camera_seed=camera, duration_s=SECONDS, fps=FPS, events=events)
        return [frame if quality is None else compressed_frame(frame, quality) for frame in clip.frames()]

    return RenderedSource("clips", render, count, seed, kept)


def rendered_moments(seed: int, count: int, *, kept: Path | None = None) -> RenderedSource:
    """Moments of one training camera each, some without an event."""

    def render(index: int) -> list[RenderedFrame]:
        scene, part = divmod(index, STILLS_PER_SCENE // MOMENTS)
        first = (seed + scene) * STILLS_PER_SCENE + part * MOMENTS
        return [render_still(first + number) for number in range(MOMENTS)]

    return RenderedSource("moments", render, count, seed, kept)


def compressed_frame(frame: RenderedFrame, quality: int) -> RenderedFrame:
    """The frame as it comes out of a codec."""
    return RenderedFrame(compress(frame.image, quality), frame.boxes, frame.owners, frame.names)


def _keep(frames: Sequence[RenderedFrame], path: Path) -> None:
    """Pixels and owners, there wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file,
            images=np.stack([frame.image for frame in frames]),
            owners=np.stack([frame.owners for frame in frames]),
            names=np.array(json.dumps([frame.names for frame in frames])),
        )
    part.replace(path)
