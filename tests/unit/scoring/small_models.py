"""Small models that keep the protocols and compute real functions of their input: quick, deterministic, countable."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from anyanomaly_core.models.protocols import Answer, AnswerKind, Embeddings, Image, Request


def seed_of(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"|".join(parts)).digest()[:8], "big")


@dataclass
class RandomProjection:
    """An encoder: 8x8 pixels times a fixed random matrix; texts are random directions."""

    logit_scale: float = 20.0
    name: str = "random-projection"
    revision: str = "1"
    image_size: int = 16
    images_seen: int = 0
    image_calls: int = 0
    texts_seen: list[str] = field(default_factory=list)
    text_calls: int = 0

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        self.image_calls += 1
        self.images_seen += len(images)
        small = [np.asarray(PilImage.fromarray(image).resize((8, 8), PilImage.Resampling.BOX)) for image in images]
        return self._project(np.array(small, np.float32).reshape(len(images), -1) / 255 - 0.5)

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        self.image_calls += 1
        self.images_seen += len(pixels)
        side = self.image_size // 8
        small = pixels.reshape(len(pixels), 3, 8, side, 8, side).mean((3, 5)).transpose(0, 2, 3, 1)
        return self._project(small.reshape(len(pixels), -1))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.text_calls += 1
        self.texts_seen += texts
        rows = self._directions(texts)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._directions(texts).astype(np.float32)

    def _directions(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([np.random.default_rng(seed_of(text.encode())).normal(size=24) for text in texts])

    def _project(self, flat: NDArray[np.float32]) -> Embeddings:
        matrix = np.random.default_rng(5).normal(size=(192, 24)).astype(np.float32)
        rows = (flat[:, None, :] @ matrix)[:, 0]  # row by row: a row does not depend on its neighbours
        return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9), np.float32)


def random_answer(request: Request) -> Answer:
    """A fixed random function of pixels and prompt."""
    random = np.random.default_rng(seed_of(request.image.tobytes(), request.prompt.encode()))
    if request.want is AnswerKind.SCORE:
        return Answer(distribution=tuple(random.dirichlet(np.full(11, 0.3))), prompt_tokens=10)
    return Answer(text=f"{random.integers(0, 11) / 10:.1f}. Reason {random.integers(1000)}.", generated_tokens=9)


def smooth_answer(request: Request) -> Answer:
    """A function of coarse brightness and prompt: a grey level more or less in a pixel hardly changes it."""
    coarse = np.asarray(PilImage.fromarray(request.image).resize((4, 4), PilImage.Resampling.BOX), np.float64) / 255
    random = np.random.default_rng(seed_of(request.prompt.encode()))
    logits = random.normal(size=(11, 48)) @ (coarse.ravel() - 0.5)
    p = np.exp(logits - logits.max())
    if request.want is AnswerKind.SCORE:
        return Answer(distribution=tuple(p / p.sum()))
    return Answer(text=f"{int(np.argmax(p)) / 10:.1f}. Because.")


@dataclass
class CountingLvlm:
    """An LVLM that answers by a function and remembers what it was asked."""

    function: Callable[[Request], Answer] = random_answer
    name: str = "counting"
    revision: str = "1"
    calls: list[list[Request]] = field(default_factory=list)

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self.calls.append(list(requests))
        return [self.function(request) for request in requests]

    @property
    def asked(self) -> int:
        return sum(map(len, self.calls))
