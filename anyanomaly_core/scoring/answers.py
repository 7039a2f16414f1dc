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
MAX_RAW_CHARS = 2000  # of an unreadable answer kept for the ledger

# A number as people write it, not part of a word or version: "0,7" is 0.7; "-0.5", "70%" and "7/10" stay whole, so that
# they are refused as a whole.
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<number>[-+−]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][-+]?\d+)?)"
    r"(?P<unit>\s*%|\s*/\s*\d+(?:\.\d+)?)?(?!\w|[.,]\d)"
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
    """Read "0.7. A man falls.": the first number is the score, what follows it the rationale.

    A first number outside 0..1, a percentage, a fraction such as "7/10", or no number at all is a problem, not a
    score; "0.7/1" is one. A repetition of the scale ("from 0.0 to 1.0") is passed over. Never raises.
    """
    plain = _SCALE.sub(" ", text)
    found = _NUMBER.search(plain)
    if found is None:
        return ParsedAnswer(None, None, "the answer holds no number")
    score = _value(found["number"], found["unit"])
    if score is None or not 0.0 <= score <= 1.0:
        return ParsedAnswer(None, None, f"the answer's first number is {found.group()[:20]}, not between 0 and 1")
    return ParsedAnswer(score, clean_rationale(plain[found.end() :]) or clean_rationale(plain[: found.start()]), None)


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


def _value(number: str, unit: str | None) -> float | None:
    if unit is not None and ("%" in unit or float(unit.strip(" /")) != 1.0):
        return None
    return float(number.replace("−", "-").replace(",", "."))
