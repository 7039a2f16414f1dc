"""The eleven answers' distribution out of the token probabilities a server shows (``top_logprobs``).

A server shows, for each token it wrote, the most probable tokens at that place, mostly 20. That is less than the
transformers readout sees, in two ways, and both are measured here:

* *Unseen*: a token outside the list has at most the probability of the last one listed. What the answers that are
  missing could have together at most is ``AnswerProbabilities.unseen``.
* *Pending*: the list follows the one text that was written. If "1.0" was written, "0" at the first place stands for ten
  answers whose shares were not shown. That mass is ``AnswerProbabilities.pending``; a second request that goes on from
  "0." tells how it is shared.

"1" counts as 1.0 whatever would follow it: no other answer starts with it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.models.protocols import ANSWERS

BELOW_ONE = "0."  # what the answers 0.0 to 0.9 start with
_BLANKS = " \t\r\n▁Ġ"
_SCORES = np.linspace(0.0, 1.0, len(ANSWERS))  # [11]
_HIGHEST_BELOW_ONE = float(_SCORES[-2])
_LARGEST_VOCABULARY = 1_000_000
_ROUNDING = 1e-3  # by which a server's probability may exceed 1


@dataclass(frozen=True, slots=True)
class TokenPosition:
    """One written token and the tokens that could have stood in its place."""

    written: str
    shown: Mapping[str, float]  # text -> probability
    floor: float  # no token that is not shown is more probable than this
    left: float  # probability of all tokens that are not shown


@dataclass(slots=True)
class AnswerProbabilities:
    """What the shown tokens say. All numbers are probabilities of the whole vocabulary, not yet normalised."""

    known: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(ANSWERS)))  # [11]
    pending: float = 0.0  # of answers 0.0 to 0.9, shares not shown
    unseen: float = 0.0  # at most, of answers that are in no list

    @property
    def unknown_share(self) -> float:
        """How much of the answers' probability may lie elsewhere: 0 when all was shown, 1 when nothing was.

        A score computed from ``known`` is off by at most this much.
        """
        total = float(self.known.sum()) + self.pending + self.unseen
        return (self.pending + self.unseen) / total if total > 0 else 1.0

    @property
    def uncertainty(self) -> float:
        """By how much the expected score may be off, with what is pending shared evenly among 0.0 to 0.9."""
        total = float(self.known.sum()) + self.pending
        if total <= 0:
            return 1.0
        known = float(self.known @ _SCORES)
        middle = (known + self.pending * _HIGHEST_BELOW_ONE / 2) / total
        lowest = known / (total + self.unseen)
        highest = (known + self.pending * _HIGHEST_BELOW_ONE + self.unseen) / (total + self.unseen)
        return max(highest - middle, middle - lowest)


def answer_probabilities(positions: Sequence[TokenPosition], start: str = "") -> AnswerProbabilities:
    """Follow the written tokens and collect every answer's probability on the way.

    Args:
        positions: as the server showed them, first token first.
        start: what of the answer stands already in the request ("0." in the second one).
    """
    found, reached, text = AnswerProbabilities(), 1.0, start
    for position in positions:
        goes_on = _continuation(text, position.written)
        for token, probability in position.shown.items():
            whole = _continuation(text, token)
            if whole == goes_on and len(_possible(whole)) > 1:
                continue  # the next position tells its shares
            _count(found, whole, reached * probability)
        found.unseen += reached * min(position.left, position.floor * _missing(text, position.shown))
        if len(_possible(goes_on)) <= 1:
            return found
        reached *= sum(p for token, p in position.shown.items() if _continuation(text, token) == goes_on)
        text = goes_on
    _count(found, text, reached)  # the text ended before it was an answer
    return found


def share_pending(found: AnswerProbabilities, shares: AnswerProbabilities) -> AnswerProbabilities:
    """``found`` with its pending mass given to the answers below 1.0 as ``shares`` says; what it leaves open stays."""
    below_one = shares.known.copy()
    below_one[-1] = 0.0
    total = float(below_one.sum()) + shares.pending + shares.unseen
    if total <= 0:
        return found
    known = found.known + found.pending * below_one / total
    return AnswerProbabilities(known, found.pending * (shares.pending + shares.unseen) / total, found.unseen)


def share_evenly(found: AnswerProbabilities) -> NDArray[np.float64]:
    """[11] distribution with the pending mass shared evenly: in the middle of what the score can be."""
    known = found.known + found.pending * np.append(np.full(len(ANSWERS) - 1, 1 / (len(ANSWERS) - 1)), 0.0)
    return np.asarray(known / known.sum(), np.float64)


def lengths_of_start(positions: Sequence[TokenPosition]) -> set[int]:
    """How many tokens "0." can have, judged from a written "1.", which has as many; 1 or 2 when none was written."""
    text = ""
    for count, position in enumerate(positions, start=1):
        text = _continuation(text, position.written)
        if text == "1.":
            return {count}
    return {1, 2}


def is_one(positions: Sequence[TokenPosition]) -> bool:
    """Whether the written text is the answer 1.0."""
    text = ""
    for position in positions:
        text = _continuation(text, position.written)
    return text.startswith("1") and _possible(text) == [len(ANSWERS) - 1]


def token_positions(choice: Mapping[str, Any]) -> list[TokenPosition] | None:
    """The written tokens of one choice of a chat completion with their probabilities; None when it shows none.

    A probability that is no number (null, NaN) is 0, and what cannot be read of an option costs that option.

    Raises:
        ValueError: when there are probabilities that cannot be used.
    """
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    entries = content if isinstance(content, list) else []
    if not any(isinstance(entry, Mapping) and entry.get("top_logprobs") for entry in entries):
        return None
    return [_position(entry) for entry in entries]


def _position(entry: object) -> TokenPosition:
    options = entry.get("top_logprobs") if isinstance(entry, Mapping) else None
    read = [_option(option) for option in options] if isinstance(options, list) else []
    listed = [option for option in read if option is not None]
    written = _option(entry)
    if written is None:
        raise ValueError("a written token has no text or no probability")
    shown: dict[str, float] = {}
    for text, probability in listed:  # different tokens may read the same
        shown[text] = shown.get(text, 0.0) + probability
    shown[written[0]] = max(written[1], shown.get(written[0], 0.0))
    left = max(0.0, 1.0 - sum(shown.values()))
    floor = min((p for _, p in listed if p > 0), default=1.0)
    if len(listed) < len(read) or left > floor * _LARGEST_VOCABULARY:  # something probable is not in the list
        floor = 1.0
    return TokenPosition(written[0], shown, floor, left)


def _option(option: object) -> tuple[str, float] | None:
    """Text and probability of a token; None when one of them cannot be read."""
    if not isinstance(option, Mapping):
        return None
    text, logprob = _text(option), option.get("logprob")
    try:
        value = -math.inf if logprob is None else float(logprob)
        probability = 0.0 if math.isnan(value) else math.exp(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return (text, probability) if text is not None and probability <= 1.0 + _ROUNDING else None


def _text(option: Mapping[str, Any]) -> str | None:
    raw, token = option.get("bytes"), option.get("token")
    if isinstance(raw, list) and all(isinstance(b, int) and 0 <= b < 256 for b in raw):  # noqa: PLR2004
        return bytes(raw).decode(errors="replace")
    return token if isinstance(token, str) else None


def _continuation(text: str, token: str) -> str:
    """``text`` with ``token`` behind it; blanks before the answer do not count."""
    return text + token if text else token.lstrip(_BLANKS)


def _possible(text: str) -> list[int]:
    """Answers that ``text`` can still become, or has become ("0.5." has become 0.5)."""
    return [i for i, answer in enumerate(ANSWERS) if answer.startswith(text) or text.startswith(answer)]


def _count(found: AnswerProbabilities, text: str, probability: float) -> None:
    possible = _possible(text)
    if len(possible) == 1:
        found.known[possible[0]] += probability
    elif possible and text:  # "0" or "0."; a blank alone says nothing yet
        found.pending += probability


def _missing(text: str, shown: Mapping[str, float]) -> int:
    """How many branches towards an answer no shown token takes."""
    lengths = range(len(text) + 1, len(ANSWERS[0]) + 1)
    branches = {answer[: lengths[0]] for answer in ANSWERS if answer.startswith(text)} if lengths else set()
    taken = [_continuation(text, token) for token in shown]
    return sum(not any(whole.startswith(branch) for whole in taken) for branch in branches)
