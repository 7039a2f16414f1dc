"""The Anomaly Exposure Sampler: segmented footage as if some of its classes were anomalies (LAVIDA).

An example is a clip and a list of words. In an abnormal one, some words are true of the clip and their masks are kept;
in a normal one none is, and the mask is empty. In the published sampler the length of the list gives the label away: a
single word is always "normal", the longest list always "abnormal". Here the length is drawn first, whatever the label
will be, and neither is drawn again when a clip does not suit them: another clip is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.protocols import Image

Masks = NDArray[np.bool_]  # [T, H, W]
_TRIES = 1000  # clips looked at for one example


@dataclass(frozen=True, slots=True)
class Example:
    """One step of training."""

    frames: list[Image]  # T images [H, W, 3]
    categories: list[str]
    masks: Masks  # [T, H, W] where something listed is

    @property
    def labels(self) -> NDArray[np.bool_]:
        """[T] whether a frame shows anything listed."""
        return np.asarray(self.masks.any(axis=(1, 2)), np.bool_)


class Source(Protocol):
    """Segmented clips with words for what is in them."""

    @property
    def name(self) -> str:
        """The name that the recipe uses."""

    @property
    def longest_list(self) -> int:
        """K, words of the longest list."""

    def __len__(self) -> int:
        """How many clips there are."""

    def words(self, index: int) -> Sequence[str]:
        """Words that are true of a clip; each has a mask, perhaps not in every frame."""

    def absent(self, index: int, random: np.random.Generator) -> Sequence[str]:
        """Words that are not true of it, at least ``longest_list`` of them where there are so many."""

    def clip(
        self, index: int, words: Sequence[str], frames: int, random: np.random.Generator
    ) -> tuple[list[Image], Masks]:
        """Some frames of a clip, at most ``frames``, and the union of the words' masks; an image is one frame.

        Which frames they are depends on the generator alone, not on the words.

        Raises:
            OSError: when a file is not there or cannot be read.
        """


class ExposureSampler:
    """Draws examples from several sources."""

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        *,
        frames: int = 8,
        abnormal: float = 0.5,
        single: float = 0.0,
        leaky: bool = False,
    ) -> None:
        """Sources with their probabilities.

        Args:
            sources: none of them empty; probabilities are scaled to sum 1.
            frames: T of a clip.
            abnormal: probability of an abnormal example.
            single: probability of a list of one word beside those that the even draw of a length gives.
            leaky: lists as the published sampler makes them, whose length gives the label away; for comparison only.

        Raises:
            ConfigurationError: when there is no source, or one is empty.
        """
        if not sources or any(not len(source) for source, _ in sources):
            empty = ", ".join(source.name for source, _ in sources if not len(source)) or "no source at all"
            raise ConfigurationError(f"There is nothing to train on: {empty}.")
        weights = np.array([weight for _, weight in sources], np.float64)
        self._sources = [source for source, _ in sources]
        self._weights = weights / weights.sum()
        self._frames, self._abnormal, self._single, self._leaky = frames, abnormal, single, leaky

    def draw(self, random: np.random.Generator, lists: int = 1) -> list[Example]:
        """Examples of one clip, one for each list; the same generator state gives the same ones.

        Length and label of each list are drawn first. A clip that does not suit all of them is passed over.

        Raises:
            ConfigurationError: when no clip of a source suits what was drawn.
        """
        source = self._sources[int(random.choice(len(self._sources), p=self._weights))]
        wanted = [self._length_and_label(source, random) for _ in range(lists)]
        for _ in range(_TRIES):
            examples = self._examples(source, int(random.integers(len(source))), wanted, random)
            if examples is not None:
                return examples
        kinds = ", ".join(f"{length} words ({'abnormal' if label else 'normal'})" for length, label in wanted)
        raise ConfigurationError(f"No clip of {source.name} suits lists of {kinds}. Has it enough classes?")

    def _length_and_label(self, source: Source, random: np.random.Generator) -> tuple[int, bool]:
        abnormal = bool(random.random() < self._abnormal)
        if self._leaky:  # others first, then what is true on top of them
            return int(random.integers(1, source.longest_list)) + abnormal, abnormal
        if self._single and random.random() < self._single:
            return 1, abnormal
        return int(random.integers(1, source.longest_list + 1)), abnormal

    def _examples(
        self, source: Source, index: int, wanted: Sequence[tuple[int, bool]], random: np.random.Generator
    ) -> list[Example] | None:
        examples = []
        shared = int(random.integers(2**63))  # every list gets the same frames
        for length, abnormal in wanted:
            example = self._example(source, index, length, random, np.random.default_rng(shared), abnormal=abnormal)
            if example is None:
                return None
            examples.append(example)
        return examples

    def _example(
        self,
        source: Source,
        index: int,
        length: int,
        random: np.random.Generator,
        frames_random: np.random.Generator,
        *,
        abnormal: bool,
    ) -> Example | None:
        words, absent = list(source.words(index)), list(source.absent(index, random))
        if len(absent) < length or not words:  # for both labels alike: which clips are used must not depend on it
            return None
        count = min(len(words), length - self._leaky) if abnormal else 0
        true = [str(word) for word in random.choice(words, count, replace=False)]
        others = [str(word) for word in random.choice(absent, length - count, replace=False)]
        frames, masks = source.clip(index, true, self._frames, frames_random)
        if abnormal and not masks.any():  # what was meant is not in these frames
            return None
        listed = [*true, *others]
        return Example(frames, [listed[place] for place in random.permutation(length)], masks)
