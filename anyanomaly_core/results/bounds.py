"""How much of what nobody looked at can matter: exact bounds from a random sample of it."""

import math

from scipy.special import betaincinv

CONFIDENCE = 0.95


def share_bound(hits: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """Upper bound on the share of hits, from a random sample: one-sided, exact binomial (Clopper and Pearson 1934).

    The share at which as few hits as ``hits`` among ``drawn`` would have come out with probability ``1 - confidence``;
    1 where nothing was drawn. Drawing without replacement from a finite number only makes it safer.
    """
    if not 0 <= hits <= drawn:
        raise ValueError(f"{hits} hits of {drawn} drawn")
    return 1.0 if hits == drawn else float(betaincinv(hits + 1, drawn - hits, confidence))


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
