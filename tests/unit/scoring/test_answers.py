import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.scoring.answers import (
    MAX_RATIONALE_CHARS,
    ParsedAnswer,
    clean_rationale,
    expected_score,
    parse_answer,
)


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


@pytest.mark.parametrize(
    "text",
    ["", "no", "high", "10", "1.1", "-0.5", "−0.5", "70%", "0.7 %", "7/10",
     "1e9", "NaN", "inf", "v0.7", "0.7.1", "0.7x", "5. 0.7", "1. 0.7", "1 person", "There is 1 person.",
     "1. There is no bicycle.\n2. The street is empty.", "1 Person is walking.", "Answer: 1 person", "1 人がいます",
     "Score: 1 person is seen, so 0.3", "1,000 people", "0.7 out of 10", "0.2-0.4", "0.2 or 0.8", "<0.1", "0·7",
     "Score: -0.5", "Score: 7/10", "Score: 70%", "Score: 0.2. No, score: 0.7", "some 0.5 m away, say 0.8",
     "<think>I see 0.7", "<THINK>0.7</THINK>",
     "between 0.0 and 1.0", "9" * 5000, "0.0.0"],
)  # fmt: skip
def test_unreadable_answers_are_problems_never_scores(text: str) -> None:
    parsed = parse_answer(text)
    assert parsed.score is None
    assert parsed.problem


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
