"""Remembering changes how often a model is asked, never what it says."""

import numpy as np

from anyanomaly_core.evaluation.model_cache import CachedEncoder, CachedLvlm
from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from tests.unit.scoring.small_models import RandomProjection, random_answer

RNG = np.random.default_rng(2)
IMAGES = [RNG.integers(0, 255, (12, 9 + n % 2, 3), dtype=np.uint8) for n in range(5)]


class Asked:
    """A language model that notes what it is asked."""

    name, revision = "asked", "1"

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def answer(self, requests: list[Request]) -> list[Answer]:
        self.requests += requests
        return [Answer(error="busy") if request.prompt == "fails" else random_answer(request) for request in requests]


def test_an_image_is_encoded_once_and_rows_stay_in_order() -> None:
    plain, remembering = RandomProjection(), CachedEncoder(RandomProjection())
    order = [0, 3, 3, 1, 0, 4]
    expected = plain.encode_images([IMAGES[n] for n in order])
    assert np.array_equal(remembering.encode_images([IMAGES[n] for n in order]), expected)
    assert np.array_equal(remembering.encode_images([IMAGES[n] for n in order[::-1]]), expected[::-1])
    assert (remembering.asked, remembering.encoded) == (12, 4)
    remembering.clear()
    remembering.encode_images(IMAGES[:1])
    assert remembering.encoded == 5


def test_pixels_are_not_taken_for_images_of_the_same_bytes() -> None:
    remembering = CachedEncoder(RandomProjection())
    pixels = RNG.random((2, 3, 16, 16), np.float32)
    assert np.array_equal(remembering.encode_pixels(pixels), RandomProjection().encode_pixels(pixels))
    assert np.array_equal(remembering.encode_texts(["a", "b", "a"]), RandomProjection().encode_texts(["a", "b", "a"]))


def test_equal_questions_are_asked_once_and_errors_again() -> None:
    model = Asked()
    remembering = CachedLvlm(model)
    one, other = Request(IMAGES[0], "dog?", AnswerKind.SCORE), Request(IMAGES[0], "dog?", AnswerKind.TEXT)
    fails = Request(IMAGES[1], "fails", AnswerKind.SCORE)
    first = remembering.answer([one, other, one, fails])
    assert first[0] == first[2] == random_answer(one)
    assert remembering.answer([fails, one])[0].error == "busy"
    assert model.requests == [one, other, fails, fails]
