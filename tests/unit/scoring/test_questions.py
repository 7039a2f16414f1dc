import numpy as np
import pytest
from small_models import CountingLvlm

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.protocols import Answer, AnswerKind
from anyanomaly_core.scoring.questions import Question, ask


def picture(value: int, size: tuple[int, int] = (4, 6)) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


def test_answers_come_back_in_the_order_of_the_questions() -> None:
    lvlm = CountingLvlm(lambda r: Answer(text=f"{r.image[0, 0, 0]} {'dog' in r.prompt}"))
    questions = [Question(picture(v), t, (), temporal=False) for v, t in [(1, "a dog"), (2, "a cat"), (1, "a cat")]]
    answers = ask(lvlm, questions, 3, AnswerKind.TEXT)
    assert [a.text for a in answers] == ["1 True", "2 False", "1 False"]


def test_one_call_same_images_side_by_side_nothing_twice() -> None:
    lvlm = CountingLvlm()
    questions = [Question(picture(v), t, (), temporal=False) for t in ("a", "b", "c", "a") for v in (1, 2, 3, 1)]
    ask(lvlm, questions, 3, AnswerKind.SCORE)
    assert len(lvlm.calls) == 1
    asked = [(int(r.image[0, 0, 0]), r.prompt) for r in lvlm.calls[0]]
    assert len(asked) == len(set(asked)) == 9
    assert [image for image, _ in asked] == [1] * 3 + [2] * 3 + [3] * 3
    assert all(r.want is AnswerKind.SCORE for r in lvlm.calls[0])


def test_equal_bytes_of_another_shape_are_another_image() -> None:
    lvlm = CountingLvlm()
    questions = [Question(picture(0, size), "a", (), temporal=False) for size in [(4, 6), (6, 4)]]
    ask(lvlm, questions, 3, AnswerKind.TEXT)
    assert lvlm.asked == 2


def test_images_that_differ_in_one_pixel_are_two_and_copies_are_one() -> None:
    lvlm = CountingLvlm()
    base = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    other = base.copy()
    other[33, 47, 1] ^= 1
    ask(
        lvlm,
        [Question(image, "a", (), temporal=False) for image in (base, other, base.copy(), other)],
        3,
        AnswerKind.TEXT,
    )
    assert [r.image is image for r, image in zip(lvlm.calls[0], (base, other), strict=True)] == [True, True]


def test_excluded_texts_and_sequences_make_another_question() -> None:
    lvlm = CountingLvlm()
    image = picture(0)
    ask(
        lvlm,
        [
            Question(image, "a", (), temporal=False),
            Question(image, "a", ("b",), temporal=False),
            Question(image, "a", (), temporal=True),
        ],
        3,
        AnswerKind.TEXT,
    )
    assert lvlm.asked == 3


def test_nothing_to_ask_is_no_call() -> None:
    lvlm = CountingLvlm()
    assert ask(lvlm, [], 3, AnswerKind.TEXT) == []
    assert lvlm.calls == []


def test_a_model_that_loses_answers_is_an_error() -> None:
    lvlm = CountingLvlm()
    lvlm.answer = lambda _: []  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="0 answers to 1 requests"):
        ask(lvlm, [Question(picture(0), "a", (), temporal=False)], 3, AnswerKind.TEXT)
