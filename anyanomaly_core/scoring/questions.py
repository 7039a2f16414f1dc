"""Asking the LVLM: many questions, few calls, nothing twice, questions of one image side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.protocols import Answer, AnswerKind, Image, Request, VisionLanguageModel
from anyanomaly_core.scoring.prompts import build_prompt

SPARSE = 16  # every how many pixels an image is sampled to tell it from others


@dataclass(frozen=True, slots=True)
class Question:
    """Whether ``image`` includes ``text``."""

    image: Image
    text: str
    excluded: tuple[str, ...]
    temporal: bool  # the image is a 2x2 sequence

    def prompt(self, variant: int) -> str:
        """The prompt in one of the four variants."""
        return build_prompt(self.text, variant=variant, temporal=self.temporal, excluded=self.excluded)


def ask(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int, want: AnswerKind) -> list[Answer]:
    """One answer per question, in order, from one call of the model.

    Questions with the same pixels and the same prompt are asked once. Requests with the same image are neighbours,
    so that an implementation can compute the image's prefix once.

    Raises:
        ModelError: when the model gives back another number of answers than it was asked.
    """
    images = [question.image for question in questions]
    keys = [(n, question.prompt(variant)) for n, question in zip(_first_equal(images), questions, strict=True)]
    wanted = sorted(dict.fromkeys(keys), key=lambda key: key[0])  # stable: prompts of an image keep their order
    answers = lvlm.answer([Request(images[n], prompt, want) for n, prompt in wanted]) if wanted else []
    if len(answers) != len(wanted):
        raise ModelError(f"{lvlm.name} gave {len(answers)} answers to {len(wanted)} requests.")
    by_key = dict(zip(wanted, answers, strict=True))
    return [by_key[key] for key in keys]


def _first_equal(images: Sequence[Image]) -> list[int]:
    """For each image the place of the first image with the same pixels.

    Few pixels are hashed, then candidates compared in full: that is cheaper than hashing large frames.
    """
    by_object: dict[int, int] = {}  # an array that comes several times is looked at once
    candidates: dict[tuple[tuple[int, ...], bytes], list[int]] = {}
    for n, image in enumerate(images):
        if id(image) in by_object:
            continue
        alike = candidates.setdefault((image.shape, image[::SPARSE, ::SPARSE].tobytes()), [])
        equal = next((m for m in alike if np.array_equal(images[m], image)), None)
        if equal is None:
            alike.append(n)
        by_object[id(image)] = n if equal is None else equal
    return [by_object[id(image)] for image in images]
