"""What the readers of published data sets share: files, masks, words. Labels are foreign: nothing in them is run."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.protocols import Image
from anyanomaly_core.training.exposure import Masks

ReadMask = Callable[[Path, int, set[str]], NDArray[np.bool_]]  # (image, its place in the clip, objects) -> [H, W]

LONGEST_SIDE = 1024  # frames are shrunk to it: SAM 2 reads no more


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or expression, that is true of a clip, and where its masks come from."""

    text: str
    objects: tuple[str, ...]  # keys of masks


class SegmentedSet:
    """Clips of frames with words."""

    def __init__(
        self,
        name: str,
        clips: Sequence[tuple[Sequence[Path], Sequence[Word]]],
        read_mask: ReadMask,
        *,
        longest_list: int,
        classes: Sequence[str] = (),
    ) -> None:
        """Clips in a fixed order.

        Args:
            name: of the set.
            clips: images of each, in order, and its words.
            read_mask: of a frame.
            longest_list: K.
            classes: what absent words are drawn from; none: from other clips' words, which nobody has checked here.

        Raises:
            ConfigurationError: when there is no clip.
        """
        self._clips = [(list(images), list(words)) for images, words in clips if images and words]
        if not self._clips:
            raise ConfigurationError(f"{name} has no clip with something segmented; is it unpacked as published?")
        self._name, self._longest, self._read_mask = name, longest_list, read_mask
        self._classes = tuple(classes)
        if classes:
            least = min(len(set(classes) - set(self.words(index))) for index in range(len(self._clips)))
            self._longest = max(1, min(longest_list, least))

    @property
    def name(self) -> str:
        """The name that the recipe uses."""
        return self._name

    @property
    def longest_list(self) -> int:
        """K, or as many words as are absent everywhere."""
        return self._longest

    def __len__(self) -> int:
        """Clips."""
        return len(self._clips)

    def words(self, index: int) -> Sequence[str]:
        """Texts that are true of a clip."""
        return tuple(dict.fromkeys(word.text for word in self._clips[index][1]))

    def absent(self, index: int, random: np.random.Generator) -> Sequence[str]:
        """Classes that are not there, or expressions of other clips."""
        own = set(self.words(index))
        if self._classes:
            return [name for name in self._classes if name not in own]
        found: dict[str, None] = {}
        for other in random.permutation(len(self._clips))[: 2 * self._longest + 1]:
            word = self._clips[other][1][int(random.integers(len(self._clips[other][1])))]
            if other != index and word.text not in own:
                found[word.text] = None
        return list(found)

    def clip(
        self, index: int, words: Sequence[str], frames: int, random: np.random.Generator
    ) -> tuple[list[Image], Masks]:
        """Consecutive frames from a random one on, and where the words are in them."""
        images, known = self._clips[index]
        start = int(random.integers(max(1, len(images) - frames + 1)))
        places = range(start, min(start + frames, len(images)))
        keys = {key for word in known if word.text in words for key in word.objects}
        pictures = [read_image(images[place]) for place in places]
        masks = [self._read_mask(images[place], place, keys) for place in places]
        sizes = [picture.shape[:2] for picture in pictures]
        return pictures, np.stack([fit(mask, size) for mask, size in zip(masks, sizes, strict=True)])


def read_image(file: Path) -> Image:
    """uint8 [H, W, 3], shrunk to ``LONGEST_SIDE``."""
    with PilImage.open(file) as opened:
        opened.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return np.array(opened.convert("RGB"))


def read_numbers(file: Path) -> NDArray[np.integer[Any]]:
    """[H, W] numbers of an indexed or grey image, as stored; of a coloured one its channels [H, W, 3]."""
    with PilImage.open(file) as opened:
        return np.array(opened)


def fit(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """[H, W] nearest."""
    if mask.shape == size:
        return mask
    resized = PilImage.fromarray(mask).resize((size[1], size[0]), PilImage.Resampling.NEAREST)
    return np.array(resized, bool)


def read_json(file: Path) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        ConfigurationError: when it is not there, or none.
    """
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read as JSON: {error}. Is the set unpacked as published?") from None
    if not isinstance(body, dict):
        raise ConfigurationError(f"{file} holds no JSON object. Is the set unpacked as published?")
    return body
