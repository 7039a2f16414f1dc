"""The eleven answers' distribution out of the token probabilities a server shows (``top_logprobs``).

A server shows, for each token it wrote, the most probable tokens at that place, mostly 20. That is less than the
transformers readout sees, in two ways, and both are measured here:

* *Unseen*: a token outside the list has at most the probability of the last one listed. What the answers that are
  missing could have together at most is ``Reading.unseen``.
* *Pending*: the list follows the one text that was written. If "1.0" was written, "0" at the first place stands for ten
  answers whose shares were not shown. That mass is ``Reading.pending``; a second request that goes on from "0." tells
  how it is shared.

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


@dataclass(frozen=True, slots=True)
class Place:
    """One written token and the tokens that could have stood there, as text -> probability."""

    written: str
    shown: Mapping[str, float]
    floor: float  # no token that is not shown is more probable than this
    left: float  # probability of all tokens that are not shown


@dataclass(slots=True)
class Reading:
    """What the shown tokens say. All numbers are probabilities of the whole vocabulary, not yet normalised."""

    known: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(ANSWERS)))  # [11]
    pending: float = 0.0  # of answers 0.0 to 0.9, shares not shown
    unseen: float = 0.0  # at most, of answers that are in no list

    @property
    def doubt(self) -> float:
        """How much of the answers' probability may lie elsewhere: 0 when all was shown, 1 when nothing was.

        A score computed from ``known`` is off by at most this much.
        """
        total = float(self.known.sum()) + self.pending + self.unseen
        return (self.pending + self.unseen) / total if total > 0 else 1.0


def read_places(places: Sequence[Place], start: str = "") -> Reading:
    """Follow the written tokens and collect every answer's probability on the way.

    Args:
        places: as the server showed them, first token first.
        start: what of the answer stands already in the request ("0." in the second one).
    """
    reading, reached, text = Reading(), 1.0, start
    for place in places:
        goes_on = _continuation(text, place.written)
        for token, probability in place.shown.items():
            whole = _continuation(text, token)
            if whole == goes_on and len(_possible(whole)) > 1:
                continue  # the next place tells its shares
            _count(reading, whole, reached * probability)
        reading.unseen += reached * min(place.left, place.floor * _missing(text, place.shown))
        if len(_possible(goes_on)) <= 1:
            return reading
        reached *= sum(p for token, p in place.shown.items() if _continuation(text, token) == goes_on)
        text = goes_on
    _count(reading, text, reached)  # the text ended before it was an answer
    return reading


def share_pending(reading: Reading, shares: NDArray[np.float64]) -> Reading:
    """``reading`` with its pending mass given to the answers 0.0 to 0.9 in proportion to ``shares`` [11]."""
    below_one = shares.copy()
    below_one[-1] = 0.0
    if below_one.sum() <= 0:
        return reading
    known = reading.known + reading.pending * below_one / below_one.sum()
    return Reading(known, 0.0, reading.unseen)


def lengths_of_start(places: Sequence[Place]) -> set[int]:
    """How many tokens "0." can have, judged from a written "1.", which has as many; 1 or 2 when none was written."""
    text = ""
    for count, place in enumerate(places, start=1):
        text = _continuation(text, place.written)
        if text == "1.":
            return {count}
    return {1, 2}


def places_of(choice: Mapping[str, Any]) -> list[Place] | None:
    """The places of one choice of a chat completion; None when the server sent no usable ``logprobs``."""
    content = (choice.get("logprobs") or {}).get("content") if isinstance(choice.get("logprobs"), dict | None) else None
    if not isinstance(content, list) or not content:
        return None
    places = [_place(entry) for entry in content]
    usable = [place for place in places if place is not None]
    return usable if len(usable) == len(places) else None


def _place(entry: Any) -> Place | None:  # noqa: ANN401
    try:
        listed = [(_text(option), math.exp(option["logprob"])) for option in entry["top_logprobs"]]
        written, own = _text(entry), math.exp(entry["logprob"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    if not listed or not all(0 <= p <= 1.0 + 1e-3 for _, p in listed):  # NaN fails this too
        return None
    shown: dict[str, float] = {}
    for text, probability in listed:  # different tokens may read the same
        shown[text] = shown.get(text, 0.0) + probability
    shown.setdefault(written, own)
    left = max(0.0, 1.0 - sum(shown.values()))
    return Place(written, shown, min(p for _, p in listed), left)


def _text(option: Mapping[str, Any]) -> str:
    raw = option.get("bytes")
    if isinstance(raw, list) and all(isinstance(b, int) and 0 <= b < 256 for b in raw):  # noqa: PLR2004
        return bytes(raw).decode(errors="replace")
    return str(option["token"])


def _continuation(text: str, token: str) -> str:
    """``text`` with ``token`` behind it; blanks before the answer do not count."""
    return text + token if text else token.lstrip(_BLANKS)


def _possible(text: str) -> list[int]:
    """Answers that ``text`` can still become, or has become ("0.5." has become 0.5)."""
    return [i for i, answer in enumerate(ANSWERS) if answer.startswith(text) or text.startswith(answer)]


def _count(reading: Reading, text: str, probability: float) -> None:
    possible = _possible(text)
    if len(possible) == 1:
        reading.known[possible[0]] += probability
    elif possible and text:  # "0" or "0."; a blank alone says nothing yet
        reading.pending += probability


def _missing(text: str, shown: Mapping[str, float]) -> int:
    """How many branches towards an answer no shown token takes."""
    lengths = range(len(text) + 1, len(ANSWERS[0]) + 1)
    branches = {answer[: lengths[0]] for answer in ANSWERS if answer.startswith(text)} if lengths else set()
    taken = [_continuation(text, token) for token in shown]
    return sum(not any(whole.startswith(branch) for whole in taken) for branch in branches)
