"""Clips with one to three classes, each in a row of its own."""

from collections.abc import Sequence

import numpy as np

from anyanomaly_core.models.protocols import Image
from anyanomaly_core.training.exposure import Masks

CLASSES = tuple(f"thing {number}" for number in range(40))


class Squares:
    name = "squares"

    def __init__(self, longest_list: int = 30, clips: int = 50) -> None:
        self.longest_list, self._clips = longest_list, clips

    def __len__(self) -> int:
        return self._clips

    def words(self, index: int) -> Sequence[str]:
        return CLASSES[index % 7 : index % 7 + 1 + index % 3]

    def absent(self, index: int, _random: np.random.Generator) -> Sequence[str]:
        return [name for name in CLASSES if name not in self.words(index)]

    def clip(
        self, index: int, words: Sequence[str], frames: int, _random: np.random.Generator
    ) -> tuple[list[Image], Masks]:
        masks = np.zeros((frames, 4, 4), bool)
        for word in words:
            masks[1:, self.words(index).index(word)] = True  # not in the first frame
        return [np.full((4, 4, 3), 9 * place, np.uint8) for place in range(frames)], masks
