"""Reading what an LVLM wrote: a score and a reason, or a problem. Never a guess (paper section 3.5).

The reference implementation reads an unreadable answer as 0.0, a silent "normal". Here it is a problem.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyanomaly_core.models.protocols import ANSWERS

MAX_RATIONALE_CHARS = 500
_SHOWN_CHARS = 60  # of an unreadable answer in its problem
MAX_RAW_CHARS = 2000  # of an unreadable answer kept for the ledger

# A number as people write it, not part of a word or version: "0,7" is 0.7; "-0.5", "70%" and "7/10" stay whole, so that
# they are refused as a whole.
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<number>[-+−]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?)"
    r"(?P<unit>\s*%|\s*(?:/|out of)\s*\d+(?:\.\d+)?)?(?!\w|[.,·]\d)"
)
# What a model thinks before it answers is no answer. Where the template has begun the thought, only its end is written.
_THOUGHT = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THINKING = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_DECORATION = " \t\r\n*_#>`\"'([{•"  # in front of an answer
_LINK = r"[\s\"'*_`:=()\[\]{}→>]*(?:(?:is|of|as|at|would be)\b[\s\"'*_`:=]*)?"
_LABELS = tuple(
    re.compile(rf"(?<![A-Za-z])(?:{name}){_LINK}{_NUMBER.pattern}", re.IGNORECASE)
    for name in ("score", "answer|rating|probability|likelihood")  # the first kind that occurs counts
)
_COUNTING = re.compile(r"[^\S\n]+\w")  # behind a whole number, on its line: "1 person"
_LISTING = re.compile(r"^\s*2[.)]\s", re.MULTILINE)  # "1." was the first of a list
_OR_ANOTHER = re.compile(r"\s*(?:[-–—~]|to|or)\s*[01]?[.,]\d", re.IGNORECASE)  # behind a number: "0.2 to 0.4"
_BOUND = re.compile(r"[<≤≥]\s*$")  # in front of a number
_JSON_REASON = re.compile(
    r'"(?:reason(?:ing)?|rationale|explanation|description)"\s*:\s*"(?P<reason>(?:[^"\\]|\\.)*)"', re.IGNORECASE
)
# "On a scale from 0.0 to 1.0, I say 0.8" repeats the question before it answers.
_SCALE = re.compile(r"(?<![\w.,])0(?:\.0+)?\s*(?:to|and|-|–|\.\.+)\s*1(?:\.0+)?(?!\w|[.,]\d)")
_EXACT = np.linspace(0.0, 1.0, len(ANSWERS))  # the scores ANSWERS stand for


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """Either ``score`` or ``problem`` is set."""

    score: float | None
    rationale: str | None
    problem: str | None


def parse_answer(text: str) -> ParsedAnswer:
    """Read "0.7. A man falls.": the score, and the rationale behind it.

    The score is the number that is called one ("Score: 0.7"); else that which the answer begins with; else the only
    decimal in it. What a model thinks in ``<think>`` is passed over, and so is a repetition of the scale ("from 0.0 to
    1.0"). A problem, not a score: a number outside 0..1, a percentage, a fraction such as "7/10" ("0.7/1" is a score),
    several numbers that could be meant, a count ("1 person"), no number at all. Never raises.
    """
    plain = _SCALE.sub(" ", _THOUGHT.sub("", text))
    if _THINKING.search(plain):
        return ParsedAnswer(None, None, "the answer ends within the model's thinking: give it more max_new_tokens")
    found = _called(plain) or _leading(plain) or _decimals(plain)
    if any(_is_no_score(number, plain) for number in found):
        return ParsedAnswer(None, None, f"the answer holds no single score: {one_line(plain)[:_SHOWN_CHARS]!r}")
    if not found:
        return ParsedAnswer(None, None, "the answer holds no number that is clearly its score")
    values = {_value(number["number"], number["unit"]) for number in found}
    if len(values) > 1:
        told = ", ".join(number.group()[:20] for number in found[:3])
        return ParsedAnswer(None, None, f"the answer holds several numbers that could be its score: {told}")
    score = values.pop()
    if score is None or not 0.0 <= score <= 1.0:
        return ParsedAnswer(None, None, f"the answer's score is {found[0].group()[:20]}, not between 0 and 1")
    return ParsedAnswer(score, _reason(plain, found[0]), None)


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


def clean_rationale(text: str) -> str | None:
    """A reason as one printable line of at most ``MAX_RATIONALE_CHARS``; None when it says nothing."""
    line = one_line(text).lstrip(" .,:;-–—|*)]\"'").rstrip()
    if not any(c.isalpha() for c in line):
        return None
    return line if len(line) <= MAX_RATIONALE_CHARS else line[: MAX_RATIONALE_CHARS - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """``text`` without control, format and unassigned characters, on one line."""
    return " ".join("".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text).split())


def _reason(text: str, score: re.Match[str]) -> str | None:
    """What a field of JSON calls the reason; else what follows the score, or precedes it."""
    if (named := _JSON_REASON.search(text)) is not None:
        return clean_rationale(named["reason"].replace('\\"', '"'))
    before = text[: score.start()]
    sentences = before[: max(map(before.rfind, ".!?")) + 1] or before  # not "The score is"
    return clean_rationale(text[score.end() :]) or (clean_rationale(sentences) if " " in sentences.strip() else None)


def _called(text: str) -> list[re.Match[str]]:
    """Numbers that the text itself calls the score, with what it calls them."""
    return next((found for label in _LABELS if (found := list(label.finditer(text)))), [])


def _leading(text: str) -> list[re.Match[str]]:
    """The number that the text begins with, and a decimal right behind "1." of a list."""
    number = _NUMBER.match(text, len(text) - len(text.lstrip(_DECORATION)))
    if number is None or not _is_whole(number):
        return [] if number is None else [number]
    behind = text[number.end() :]
    another = _NUMBER.match(behind.lstrip(".): \t\n"))
    return [number] if another is None or _is_whole(another) else [number, another]


def _is_no_score(number: re.Match[str], text: str) -> bool:
    """Whether a number counts something, heads a list, or is one end of a range."""
    behind, before = text[number.end() :], text[: number.start("number")]
    if _OR_ANOTHER.match(behind) or _BOUND.search(before):
        return True
    return _is_whole(number) and bool(_COUNTING.match(behind) or _LISTING.search(behind))


def _is_whole(number: re.Match[str]) -> bool:
    return "." not in number["number"] and "," not in number["number"]


def _decimals(text: str) -> list[re.Match[str]]:
    """Numbers with a decimal point; whole ones in prose count persons and cars."""
    return [number for number in _NUMBER.finditer(text) if not _is_whole(number)]


def _value(number: str, unit: str | None) -> float | None:
    if unit is not None and ("%" in unit or float(re.sub(r"[^\d.]", "", unit)) != 1.0):
        return None
    if re.fullmatch(r"[1-9]\d*,\d{3}", number):  # thousands
        return None
    return float(number.replace("−", "-").replace(",", "."))
