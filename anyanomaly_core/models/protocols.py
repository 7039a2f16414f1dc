"""The two protocols a model implementation keeps: an encoder ranks, an LVLM decides.

Batching, device and retries live inside the implementations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # [H, W, 3] RGB
Embeddings = NDArray[np.float32]  # [n, d], each row of length 1

ANSWERS: tuple[str, ...] = tuple(f"{tenth / 10:.1f}" for tenth in range(11))  # "0.0" ... "1.0"


class AnswerKind(Enum):
    """What a request asks for."""

    SCORE = "score"  # the distribution over ANSWERS, no text
    TEXT = "text"  # generated text


@dataclass(frozen=True, slots=True)
class Request:
    """One image, one prompt; the image stands before the text so that prompts of an image share its prefix."""

    image: Image
    prompt: str
    want: AnswerKind


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Exactly one of ``text``, ``distribution`` and ``error`` is set."""

    text: str | None = None
    is_cut: bool = False  # the text was ended by its length, not by the model; its last, unfinished word is left out
    uncertainty: float = 0.0  # the expected value of the distribution is off by at most this
    distribution: tuple[float, ...] | None = None  # probabilities of the eleven ANSWERS, sum 1
    error: str | None = None  # why this request could not be answered; never read as a score
    prompt_tokens: int = 0
    generated_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What a clip shows of a list of words, frame by frame and pixel by pixel."""

    frames: NDArray[np.float32]  # [T] in 0..1
    pixels: NDArray[np.float32]  # [T, h, w] logits of the mask, of frames that are squashed to a square


class ClipModel(Protocol):
    """Scores the frames and pixels of short clips for lists of words; LAVIDA is one."""

    @property
    def name(self) -> str:
        """The model as the profile calls it."""

    @property
    def revision(self) -> str:
        """A hash of its weights."""

    def score(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[ClipScores]:
        """One result for each list; what the clip alone determines is computed once.

        Raises:
            ModelError: when the model breaks.
        """


class ImageTextEncoder(Protocol):
    """Maps images and texts to one space; cosine similarity ranks."""

    @property
    def name(self) -> str:
        """The model as the profile calls it."""

    @property
    def revision(self) -> str:
        """Hub revision, or a hash of the weights of a local directory."""

    @property
    def logit_scale(self) -> float:
        """Factor the model was trained to multiply cosines with before a softmax."""

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        """[n, d] for n images of any sizes; the implementation resizes (bilinear, squashed to its square input).

        Mean and standard deviation of the model are always applied here.
        """

    @property
    def image_size(self) -> int:
        """S, side of the model's square input in pixels."""

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        """[n, d] for float32 [n, 3, S, S], RGB in 0..1, fed as they are: no resizing, no mean and standard deviation.

        The scorers use it for windows under ``reference_preprocessing`` only.
        """

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """[n, d] for n texts."""

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, d] for n texts, as the model gives them: before they are scaled to length 1.

        The scorers use it for classes under ``reference_preprocessing`` only.
        """


class VisionLanguageModel(Protocol):
    """Answers questions about images."""

    @property
    def name(self) -> str:
        """The model as the profile calls it."""

    @property
    def revision(self) -> str:
        """Hub revision, hash of the weights, or what the server says it serves."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order; a request that failed has ``error`` set and fails no other."""
