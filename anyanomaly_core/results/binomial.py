"""Exact binomial bounds: of a share from a random sample, and of how much of what nobody looked at can matter."""

import math

from scipy.special import betaincinv

CONFIDENCE = 0.95


def binomial_interval(hits: int, drawn: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of a share (Clopper and Pearson, Biometrika 26, 1934); (0, 1) where nothing was drawn.

    Raises:
        ValueError: more hits than were drawn, or a negative number.
    """
    return _clopper_pearson(hits, drawn, (1 - confidence) / 2)


def share_bound(hits: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """One-sided upper bound on the share of hits, from a random sample, likewise exact.

    The share at which as few hits as ``hits`` among ``drawn`` would have come out with probability ``1 - confidence``;
    1 where nothing was drawn. Drawing without replacement from a finite number only makes it safer.

    Raises:
        ValueError: more hits than were drawn, or a negative number.
    """
    return _clopper_pearson(hits, drawn, 1 - confidence)[1]


def missed_bound(hits: int, drawn: int, population: int, confidence: float = CONFIDENCE) -> int:
    """Upper bound on the number of hits among what was not drawn.

    Args:
        hits: in the sample.
        drawn: size of the sample.
        population: that it was drawn from, itself included.
        confidence: of the bound.
    """
    bound = math.floor(share_bound(hits, drawn, confidence) * population + 1e-9) - hits
    return max(0, min(population - drawn, bound))


def _clopper_pearson(hits: int, drawn: int, tail: float) -> tuple[float, float]:
    """Both ends; each is beyond the true share with probability ``tail`` at most. They are quantiles of beta."""
    if not 0 <= hits <= drawn:
        raise ValueError(f"{hits} hits of {drawn} drawn")
    low = float(betaincinv(hits, drawn - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, drawn - hits, 1 - tail)) if hits < drawn else 1.0
    return low, high
