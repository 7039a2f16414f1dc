"""Models that remember within a video: variants of a profile look at much the same images.

The windows of one scale are among those of three; four prompts look at the same pictures. Keys are digests of the
pixels and the words, so an answer is used again only for exactly the same question.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.models.protocols import (
    Answer,
    Embeddings,
    Image,
    ImageTextEncoder,
    Request,
    VisionLanguageModel,
)

Key = tuple[object, ...]
Item = TypeVar("Item")
Found = TypeVar("Found")
Pixel = TypeVar("Pixel", bound=np.generic)

MOST = 200_000  # images or answers remembered; a long video forgets its beginning


class CachedEncoder:
    """An encoder that encodes each image once until it is cleared; the rest is the model's own."""

    def __init__(self, model: ImageTextEncoder) -> None:
        self._model = model
        self._images: dict[Key, NDArray[np.float32]] = {}
        self._texts: dict[Key, NDArray[np.float32]] = {}
        self.asked = self.encoded = 0  # images

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def revision(self) -> str:
        """The model's."""
        return self._model.revision

    @property
    def logit_scale(self) -> float:
        """The model's."""
        return self._model.logit_scale

    @property
    def image_size(self) -> int:
        """The model's."""
        return self._model.image_size

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        """[n, d], as the model."""
        return self._through(images, "image", self._model.encode_images)

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        """[n, d], as the model."""
        rows: list[NDArray[np.float32]] = list(pixels)
        return self._through(rows, "pixels", lambda new: self._model.encode_pixels(np.stack(new)))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """[n, d], as the model."""
        keys = [(text,) for text in texts]
        rows: list[NDArray[np.float32]] = _recall(
            self._texts, keys, texts, lambda new: list(self._model.encode_texts(new))
        )
        return np.stack(rows)

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, d], as the model."""
        return self._model.text_features(texts)

    def clear(self) -> None:
        """Forget what was encoded of images."""
        self._images.clear()

    def _through(
        self, images: Sequence[NDArray[Pixel]], kind: str, encode: Callable[[list[NDArray[Pixel]]], Embeddings]
    ) -> Embeddings:
        _make_room(self._images)
        before = len(self._images)
        keys = [(kind, *_digest(image)) for image in images]
        rows = _recall(self._images, keys, images, lambda new: list(encode(new)))
        self.asked += len(images)
        self.encoded += len(self._images) - before
        return np.stack(rows)


class CachedLvlm:
    """An LVLM that answers each question once until it is cleared. Errors are asked again."""

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model
        self._answers: dict[Key, Answer] = {}
        self.asked = self.answered = 0

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def revision(self) -> str:
        """The model's."""
        return self._model.revision

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order."""
        keys: list[Key] = [(*_digest(request.image), request.prompt, request.want) for request in requests]
        _make_room(self._answers)
        before = len(self._answers)
        answers = _recall(self._answers, keys, requests, self._model.answer)
        self.asked += len(requests)
        self.answered += len(self._answers) - before
        for key, answer in zip(keys, answers, strict=True):
            if answer.error is not None:
                self._answers.pop(key, None)
        return answers

    def clear(self) -> None:
        """Forget what was answered."""
        self._answers.clear()


def _make_room(known: dict[Key, Found]) -> None:
    if len(known) > MOST:
        known.clear()


def _digest(array: NDArray[np.generic]) -> Key:
    return array.shape, blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()


def _recall(
    known: dict[Key, Found],
    keys: Sequence[Key],
    items: Sequence[Item],
    work: Callable[[list[Item]], Sequence[Found]],
) -> list[Found]:
    """What is known of each item; the rest, each distinct one once, is worked on in one call."""
    new = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
    if new:
        known.update(zip(new, work(list(new.values())), strict=True))
    return [known[key] for key in keys]
