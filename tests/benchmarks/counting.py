"""Models that count what they are asked, for benchmarks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.models.protocols import Answer, Embeddings, Image, ImageTextEncoder, Request, VisionLanguageModel


class CountingEncoder:
    """An encoder that counts images."""

    def __init__(self, encoder: ImageTextEncoder) -> None:
        self._encoder = encoder
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.encodes = 0

    @property
    def name(self) -> str:
        """Of the encoder behind."""
        return self._encoder.name

    @property
    def revision(self) -> str:
        """Of the encoder behind."""
        return self._encoder.revision

    @property
    def logit_scale(self) -> float:
        """Of the encoder behind."""
        return self._encoder.logit_scale

    @property
    def image_size(self) -> int:
        """Of the encoder behind."""
        return self._encoder.image_size

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        """Counted."""
        self.encodes += len(images)
        return self._encoder.encode_images(images)

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        """Not counted: only under ``reference_preprocessing``."""
        return self._encoder.encode_pixels(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Not counted."""
        return self._encoder.encode_texts(texts)

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Not counted."""
        return self._encoder.text_features(texts)


class CountingLvlm:
    """A language model that adds up its tokens."""

    def __init__(self, lvlm: VisionLanguageModel) -> None:
        self._lvlm = lvlm
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._read = self._written = 0

    def used(self) -> dict[str, int]:
        """Tokens since ``forget``."""
        return {"tokens_read": self._read, "tokens_written": self._written}

    @property
    def name(self) -> str:
        """Of the model behind."""
        return self._lvlm.name

    @property
    def revision(self) -> str:
        """Of the model behind."""
        return self._lvlm.revision

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Counted."""
        answers = self._lvlm.answer(requests)
        self._read += sum(answer.prompt_tokens for answer in answers)
        self._written += sum(answer.generated_tokens for answer in answers)
        return answers
