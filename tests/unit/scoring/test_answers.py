import math
import time

import pytest
from answer_table import CUT, SCORES
from hypothesis import assume, given
from hypothesis import strategies as st

from anyanomaly_core.models.generated_text import begins_thought, strip_thoughts
from anyanomaly_core.scoring.answers import (
    ParsedAnswer,
    expected_score,
    parse_answer,
)
from anyanomaly_core.scoring.rationales import MAX_RATIONALE_CHARS, clean_rationale


@pytest.mark.parametrize(
    ("text", "score", "rationale"),
    [
        ("0.7. A man rides a bicycle.", 0.7, "A man rides a bicycle."),
        ("0.7", 0.7, None),
        ("1", 1.0, None),
        ("1.0", 1.0, None),
        ("0", 0.0, None),
        (".5 half hidden", 0.5, "half hidden"),
        ("0,8 - une voiture", 0.8, "une voiture"),
        ("**0.9**\n\nReason: a fight", 0.9, "Reason: a fight"),
        ("Score: 0.3, a shadow\x00\x1b[31m only", 0.3, "a shadow [31m only"),
        ("The image shows a car. I answer 0.6", 0.6, "The image shows a car."),
        ("I see 1 person on 2 wheels. Score: 0.6", 0.6, "I see 1 person on 2 wheels."),
        ("1. Score: 0.6. A man", 0.6, "A man"),
        ("1. A man falls", 1.0, "A man falls"),
        ("1\nA man falls", 1.0, "A man falls"),
        ("0.7 out of 1: a man", 0.7, "a man"),
        ("0.7 - 2 men", 0.7, "2 men"),
        ("0.7. 2 men fight.", 0.7, "2 men fight."),
        ("The score is 0.4.", 0.4, None),
        ("Score (0 to 1): **0.4**", 0.4, None),
        ("The answer is 1.", 1.0, None),
        ("<think>The image shows 1 person, so 0.9?</think>\n\n0.6. A dog", 0.6, "A dog"),
        ("shows 1 person, so 0.9? </think> 0.6", 0.6, None),
        ('{"anomaly_score": 0.7, "confidence": 0.9, "reason": "A \\"man\\" falls"}', 0.7, 'A "man" falls'),
        ("On a scale from 0.0 to 1.0, I say 0.8: a dog", 0.8, "a dog"),
        ("(0-1) 0.4", 0.4, None),
        ("0.7/1.0 because of the bag", 0.7, "because of the bag"),
        ("0.20000 x", 0.2, "x"),
        ("1e-1", 0.1, None),
    ],
)
def test_readable_answers(text: str, score: float, rationale: str | None) -> None:
    assert parse_answer(text) == ParsedAnswer(pytest.approx(score), rationale, None)


@pytest.mark.parametrize(("score", "is_cut"), [*((s, False) for s in SCORES), *((s, True) for s in CUT)])
def test_each_answer_of_the_table_has_its_score_or_a_problem(score: float | None, *, is_cut: bool) -> None:
    for text in (CUT if is_cut else SCORES)[score]:
        parsed = parse_answer(text, is_cut=is_cut)
        assert (text, parsed.score) == (text, None if score is None else pytest.approx(score))
        assert (parsed.problem is None) == (score is not None)


@given(st.integers(0, 10), st.sampled_from("٠०๐０𝟎"), st.sampled_from(".,．٫"))
def test_digits_of_any_script_are_the_same_score(tenths: int, zero: str, mark: str) -> None:
    one, tenth = (chr(ord(zero) + digit) for digit in divmod(tenths, 10))
    assert parse_answer(f"{one}{mark}{tenth}").score == pytest.approx(tenths / 10)


@given(st.sampled_from(["0", "Score: 0", '{"score": 0', "**0**"]), st.text(min_size=1, max_size=3), st.integers(1, 9))
def test_a_zero_with_a_digit_near_it_is_never_a_score_of_zero(zero: str, between: str, digit: int) -> None:
    assume(strip_thoughts(between) == between)
    parsed = parse_answer(f"{zero}{between}{digit}")
    assert parsed.score is None or parsed.score > 0 or any(map(str.isalpha, between))


def test_a_long_answer_is_read_quickly() -> None:
    long = 40_000
    for hostile in (
        "<think>" * long,
        "<" * long,
        "score" + " " * long,
        "0," * long,
        "(" * long,
        "is" + " a" * long + " 0.8x",
    ):
        began = time.monotonic()
        assert parse_answer(hostile).score is None
        assert time.monotonic() - began < 2


@given(st.text(max_size=300))
def test_any_text_never_raises(text: str) -> None:
    parsed = parse_answer(text)
    assert (parsed.score is None) == (parsed.problem is not None)
    if parsed.score is not None:
        assert 0 <= parsed.score <= 1
    if parsed.rationale is not None:
        assert len(parsed.rationale) <= MAX_RATIONALE_CHARS
        assert "\n" not in parsed.rationale


@given(st.integers(0, 10), st.from_regex(r"[A-Z][a-z ,]{0,60}[a-z]\.", fullmatch=True))
def test_round_trip(tenths: int, reason: str) -> None:
    parsed = parse_answer(f"{tenths / 10:.1f}. {reason}")
    assert parsed == ParsedAnswer(tenths / 10, " ".join(reason.split()), None)


def test_rationales_are_bounded() -> None:
    reason = parse_answer("0.5. " + "word " * 1000).rationale
    assert reason is not None
    assert len(reason) <= MAX_RATIONALE_CHARS
    assert reason.endswith("…")


def test_thoughts_are_told_from_answers() -> None:
    assert strip_thoughts("a <think>b</think> c <THINK>d</THINK> e") == "a  c  e"
    assert strip_thoughts("<think>a <think>b</think> c") == " c"
    assert strip_thoughts("a </think> b") == " b"
    assert strip_thoughts("a <think> b") is None
    assert begins_thought("<|assistant|>\n<think>\n")
    assert begins_thought("assistant◁think▷")
    assert not begins_thought("<think>\n</think>\n\n")


def test_rationale_of_nothing_is_none() -> None:
    assert clean_rationale(" .,-\u200b\n") is None


def test_expected_score_by_hand() -> None:
    assert expected_score([0] * 10 + [1]) == 1.0
    assert expected_score([1] + [0] * 10) == 0.0
    assert expected_score([0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5]) == pytest.approx(0.5)
    assert expected_score([1 / 11] * 11) == pytest.approx(0.5)
    assert expected_score([0, 0, 0.25, 0, 0, 0, 0, 0.75, 0, 0, 0]) == pytest.approx(0.25 * 0.2 + 0.75 * 0.7)


@pytest.mark.parametrize("bad", [[1.0], [0.0] * 11, [math.nan] * 11, [2.0] + [-0.1] * 10, [0.5] * 11])
def test_what_is_no_distribution_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="not a distribution"):
        expected_score(bad)


@given(st.lists(st.floats(0, 1), min_size=11, max_size=11).filter(lambda p: sum(p) > 0.01))
def test_expected_score_is_within_0_and_1(weights: list[float]) -> None:
    p = [w / sum(weights) for w in weights]
    naive = sum(value * k / 10 for k, value in enumerate(p))
    assert 0 <= expected_score(p) <= 1
    assert expected_score(p) == pytest.approx(naive, abs=1e-9)
