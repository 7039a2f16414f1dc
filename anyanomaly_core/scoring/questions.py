"""Asking the LVLM: many questions, few calls, nothing twice, questions of one image side by side."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.protocols import Answer, Image, Request, VisionLanguageModel, Want
from anyanomaly_core.scoring.prompts import build_prompt


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


def ask(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int, want: Want) -> list[Answer]:
    """One answer per question, in order, from one call of the model.

    Questions with the same pixels and the same prompt are asked once. Requests with the same image are neighbours,
    so that an implementation can compute the image's prefix once.

    Raises:
        ModelError: when the model gives back another number of answers than it was asked.
    """
    names = _image_names([question.image for question in questions])
    keys = [(name, question.prompt(variant)) for name, question in zip(names, questions, strict=True)]
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}  # images in order of appearance
    images = dict(zip(names, (question.image for question in questions), strict=True))
    wanted = sorted(dict.fromkeys(keys), key=lambda key: order[key[0]])  # stable: prompts keep their order
    answers = lvlm.answer([Request(images[name], prompt, want) for name, prompt in wanted]) if wanted else []
    if len(answers) != len(wanted):
        raise ModelError(f"{lvlm.name} gave {len(answers)} answers to {len(wanted)} requests.")
    by_key = dict(zip(wanted, answers, strict=True))
    return [by_key[key] for key in keys]


def _image_names(images: Sequence[Image]) -> list[bytes]:
    """A name per image that equal images share; an array that comes several times is read once."""
    known: dict[int, bytes] = {}
    for image in images:
        if id(image) not in known:
            known[id(image)] = _digest(image)
    return [known[id(image)] for image in images]


def _digest(image: Image) -> bytes:
    shape = repr(image.shape).encode()
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16, key=shape[:64]).digest()
