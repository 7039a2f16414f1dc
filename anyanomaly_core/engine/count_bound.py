"""How many of what is looked for can still be there, after draws in a random order; valid whenever one looks.

``V`` segments are unknown and ``K`` things are there in all, of which ``f`` are found; each of the others is seen when
one of ``each`` segments of its own is drawn. Then the next draw sees one with a chance of exactly
``p(K) = each (K - f) / V``, given everything before, however much is learnt between draws by following what was found.
Let ``Q`` multiply the chances that somebody who knows only the past gave to what each draw showed. If ``K`` is the
truth, ``Q / L(K)``, where ``L`` multiplies the true chances, is a martingale of mean 1: with a chance of at most
``1 - confidence`` it ever reaches
``1 / (1 - confidence)`` (Ville's inequality). Every ``K`` for which it has is excluded. After Waudby-Smith and Ramdas,
"Confidence sequences for sampling without replacement", 2020.

``Q`` is the mean of two such forecasts. One mixes counts of things in all, the other counts of what is left, and mixes
them anew whenever something was found: it pays for each find, and knows that a long one leaves little.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

_FEW = 33  # counts that are weighed one by one; from there on in steps of a factor
_MANY = 64

Counts = NDArray[np.int64]
Logs = NDArray[np.float64]


class _Draws(NamedTuple):
    """Draws between two things learnt: so many that saw nothing, then perhaps one that did."""

    unknown: int  # before them
    found: int
    misses: int
    hit: int  # 0 or 1


class CountBound:
    """Draws from ``left`` segments, and what they exclude."""

    def __init__(self, left: int, each: int, confidence: float) -> None:
        """``each``: segments by which a thing can be seen."""
        self.unknown, self._found, self._each, self._confidence = left, 0, each, confidence
        self._tries, self._weights = _weights(left)
        self._past: list[_Draws] = []
        self._now = _Draws(left, 0, 0, hit=0)
        self._in_all = np.log(self._weights)  # of the draws of the past, by count of things
        self._anew = 0.0  # of the draws up to the last find, by the forecast that begins anew
        self._left = np.log(self._weights)  # of those since, by count of things left

    def draw(self, is_hit: bool) -> None:
        """One segment was drawn from the unknown ones."""
        misses = self._now.misses + (not is_hit)
        self._now = self._now._replace(misses=misses, hit=int(is_hit))

    def learn(self, found: int, judged: int) -> None:
        """What is known after a draw: so many things more, so many segments more, the drawn one included."""
        self._found += found
        self.unknown -= judged
        if self._now.hit or found or judged != 1:
            self._in_all = self._in_all + _log_chance([self._now], self._tries, self._each)
            self._left = self._left + self._of_left()
            if found:
                self._anew, self._left = self._anew + float(logsumexp(self._left)), np.log(self._weights)
            self._past.append(self._now)
            self._now = _Draws(self.unknown, self._found, 0, hit=0)

    def excludes(self, missed: int) -> bool:
        """Whether so many, or more, that are not found yet are excluded; quicker than ``most_missed``."""
        number, most = self._found + missed, self._found + self.unknown // self._each
        if number > most:
            return True
        here, next_one = self._chances([number, number + 1])
        if next_one > here:  # the chance of what was seen still rises
            return self.most_missed() < missed
        return bool(here <= self._threshold())

    def most_missed(self) -> int:
        """The largest number of things not found yet that is not excluded."""
        threshold = self._threshold()
        low, high = self._found, self._found + self.unknown // self._each
        while high - low > _MANY:  # the chance of what was seen is log-concave, and above its top it falls
            numbers = np.unique(np.linspace(low, high, _MANY).astype(np.int64))
            chances = self._chances(numbers)
            inside = np.flatnonzero(chances > threshold)
            last = int(inside[-1] if len(inside) else np.argmax(chances))
            low = int(numbers[last if len(inside) else max(0, last - 1)])
            high = int(numbers[min(len(numbers) - 1, last + 1)])
        numbers = np.arange(low, high + 1)
        inside = np.flatnonzero(self._chances(numbers) > threshold)
        return int(numbers[inside[-1]]) - self._found if len(inside) else 0

    def _threshold(self) -> float:
        """What the chance of the draws must exceed under a count that is not excluded."""
        in_all = logsumexp(self._in_all + _log_chance([self._now], self._tries, self._each))
        anew = self._anew + logsumexp(self._left + self._of_left())
        return float(np.logaddexp(in_all, anew) - np.log(2) + np.log(1 - self._confidence))

    def _of_left(self) -> Logs:
        """[tries] log of the chance of the draws since something was learnt, if so many things were left."""
        return _log_chance([self._now], self._tries + self._now.found, self._each)

    def _chances(self, numbers: Sequence[int] | Counts) -> Logs:
        return _log_chance([*self._past, self._now], np.asarray(numbers, np.int64), self._each)


def _log_chance(draws: Sequence[_Draws], numbers: Counts, each: int) -> Logs:
    """[numbers] log of the chance of some draws; -inf where they could not have been."""
    unknown, found, misses, hit = np.array(draws, np.int64).T  # [draws] each
    there = each * (numbers[:, None] - found)  # [numbers, draws] of the unknown segments, those that would be hits
    after = unknown - misses
    possible = (misses + hit == 0) | ((there >= hit) & (there <= after))
    u = np.where(possible & (misses + hit > 0), there, 0)
    log = _log_falling(unknown - u, misses) - _log_falling(unknown, misses)
    log += np.where(hit > 0, np.log(np.maximum(u, 1)) - np.log(np.maximum(after, 1)), 0.0)
    return np.asarray(np.where(possible, log, -np.inf).sum(1), np.float64)


def _log_falling(n: Counts, k: Counts) -> Logs:
    """Log of n (n-1) ... (n-k+1)."""
    return np.asarray(gammaln(n + 1) - gammaln(np.maximum(n - k, 0) + 1), np.float64)


def _weights(left: int) -> tuple[Counts, Logs]:
    """Counts that are weighed, and their weights, most on none and few: then it is cheapest where little is left."""
    few = np.arange(min(_FEW, left + 1))
    many = np.unique(np.geomspace(_FEW, left, _MANY).astype(np.int64)) if left >= _FEW else few[:0]
    tries = np.concatenate([few, many])
    weights = 1 / (np.arange(len(tries)) + 1.0) ** 2
    return tries, weights / weights.sum()
