"""Which number in an LVLM's answer is its score: a score and a reason, or a problem. Never a guess (paper section 3.5).

The reference implementation reads an unreadable answer as 0.0, a silent "normal". Here it is a problem.
What a number is, and where it ends, is told by ``numerals.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anyanomaly_core.models.generated_text import strip_thoughts
from anyanomaly_core.models.protocols import ANSWERS
from anyanomaly_core.scoring.answer_phrases import (
    BEFORE_LABEL,
    DENIED,
    LABELS,
    LISTING,
    OTHER_QUANTITY,
    OTHER_SCALE,
    SCALE,
    STATED,
)
from anyanomaly_core.scoring.numerals import Numeral, normal_form, numeral_at, numerals
from anyanomaly_core.scoring.rationales import one_line, rationale_of, visible

_LONGEST_ANSWER = 4000  # characters read, without what was thought; nobody asked for more than a sentence
_SENTENCE = 120  # characters in front of a number that say what it is
_QUOTED = 60  # characters of an unreadable answer in its problem
_EXACT = np.linspace(0.0, 1.0, len(ANSWERS))  # the scores ANSWERS stand for
_DECORATION = " \t\r\n*_#>`\"'([{)]}•|~≈:="  # in front of an answer


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """Either ``score`` or ``problem`` is set."""

    score: float | None
    rationale: str | None
    problem: str | None


def parse_answer(text: str, *, is_cut: bool = False) -> ParsedAnswer:
    """Read "0.7. A man falls.": the score, and the rationale behind it.

    The score is the number that is called one ("Score: 0.7"); else that which the answer begins with; else the only
    decimal in it, where a sentence states it. Digits and marks of any script are read. What a model thinks in
    ``<think>`` is passed over, and so is a repetition of the scale ("from 0.0 to 1.0").

    A problem, not a score: a number outside 0..1, a percentage, a fraction such as "7/10" ("0.7/1" is a score), several
    numbers that could be meant, a range, a bound, a denial ("not 0.8"), a count ("1 person"), a number that does not
    end where a number ends ("0. 8", "0.8x"), no number at all. Never raises.

    Args:
        text: what the model wrote.
        is_cut: the model was stopped before it had finished. Then only a number that the answer begins with, and that
            words follow, is whole.
    """
    answer = strip_thoughts(visible(text))
    if answer is None:
        return ParsedAnswer(None, None, "the answer ends within the model's thinking: give it more max_new_tokens")
    answer, is_cut = answer[:_LONGEST_ANSWER], is_cut or len(answer) > _LONGEST_ANSWER
    plain = SCALE.sub(lambda scale: " " * len(scale[0]), normal_form(answer))
    found = _candidates(plain)
    problem = _problem(found, plain) if found or not is_cut else "the answer was cut off before it held a score"
    if problem is None and is_cut and not _is_whole_first(found[0], plain):
        problem = "the answer was cut off before its score was certain"
    if problem is not None:
        return ParsedAnswer(None, None, f"{problem}: {one_line(answer)[:_QUOTED]!r}")
    return ParsedAnswer(found[0].value, rationale_of(answer, found[0].start, found[0].end), None)


def first_number(text: str) -> float:
    """The first digits of a text and, behind a point, more of them; 0.0 where there are none.

    So does the reference implementation read answers: "70%" is 70, "-0.5" is 0.5, "nothing to see" is 0. For
    comparison with published figures only.
    """
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else 0.0


def expected_score(distribution: Sequence[float]) -> float:
    """Expected value of the eleven answers: sum of p(a) * a, in 0..1.

    Args:
        distribution: probabilities of ``ANSWERS``.

    Raises:
        ValueError: when it is not a distribution over the eleven answers.
    """
    p = np.asarray(distribution, np.float64)
    if p.shape != _EXACT.shape or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-3:  # noqa: PLR2004
        raise ValueError(f"not a distribution over {len(ANSWERS)} answers: {tuple(distribution)}")
    return float(np.clip(p @ _EXACT / p.sum(), 0.0, 1.0))


def _problem(found: Sequence[Numeral], text: str) -> str | None:
    """Why the numbers found are not one score."""
    if OTHER_SCALE.search(text):
        return "the answer speaks of another scale than 0 to 1"
    if not found:
        return "the answer holds no number that is clearly its score"
    flaws = filter(None, (_flaw(number, text) for number in found))
    several = "the answer holds several numbers that could be its score"
    return next(flaws, several if len({number.value for number in found}) > 1 else None)


def _flaw(number: Numeral, text: str) -> str | None:
    shown = text[number.start : number.end][:20]
    if number.flaw is not None:
        return f"{shown!r} {number.flaw}"
    if number.is_whole and LISTING.search(text, number.end):
        return f"{shown!r} heads a list"
    if number.value is None or not 0.0 <= number.value <= 1.0:
        return f"the answer's score is {shown}, not between 0 and 1"
    return None


def _is_whole_first(number: Numeral, text: str) -> bool:
    """Whether an answer begins with a number, or a label and it, and goes on with words: a cut takes neither away."""
    start = _beginning(text)
    label = BEFORE_LABEL.match(text, start)
    is_first = number.start in {start, label.end() if label else start}
    return is_first and any(map(str.isalpha, text[number.end :]))


def _candidates(text: str) -> list[Numeral]:
    """The numbers that may be the score: those called one, else the one in front, else all decimals."""
    leading = numeral_at(text, _beginning(text))
    labelled = next((found for label in LABELS if (found := _labelled_numerals(text, label))), [])
    if labelled:
        return [*([leading] if leading is not None and not leading.is_whole else []), *labelled]
    if leading is not None:
        return [leading, *(_closing_decimal(text, leading) if leading.is_whole else [])]
    decimals = [number for number in numerals(text) if not number.is_whole]
    return decimals if len(decimals) > 1 or any(_is_stated(number, text) for number in decimals) else []


def _closing_decimal(text: str, leading: Numeral) -> list[Numeral]:
    """A decimal that is the last sentence, behind a number that may count sentences: "1. A man runs. 0.9"."""
    behind = [number for number in numerals(text) if number.start >= leading.end and not number.is_whole]
    if not behind or any(map(str.isalnum, text[behind[-1].end :])):
        return []
    before = text[: behind[-1].start].rstrip(" \t*_`\"'([{")
    return behind[-1:] if before[-1:] in {".", "!", "?", ";", "\n"} and before != text[: leading.end + 1] else []


def _labelled_numerals(text: str, label: re.Pattern[str]) -> list[Numeral]:
    found = []
    for name in label.finditer(text):
        number = numeral_at(text, name.end())
        if number is not None:
            denied = DENIED.search(_sentence_before(text, name.start()))
            number = replace(number, start=name.start())
            found.append(replace(number, value=None, flaw="is denied") if denied else number)
    return found


def _is_stated(number: Numeral, text: str) -> bool:
    before = _sentence_before(text, number.start)
    is_alone = before.endswith("(") and text.startswith(")", number.end)
    return (is_alone or bool(STATED.search(before))) and not (OTHER_QUANTITY.search(before) or DENIED.search(before))


def _sentence_before(text: str, place: int) -> str:
    return text[max(0, place - _SENTENCE) : place]


def _beginning(text: str) -> int:
    return len(text) - len(text.lstrip(_DECORATION))
