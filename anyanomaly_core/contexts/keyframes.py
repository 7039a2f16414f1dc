"""Key frame selection: which frame of a segment stands for it, and which four make its grid (paper section 3.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.profile import Strategy

GRID = 4  # frames of a temporal context


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """Positions inside a segment, 0 = its first sampled frame."""

    key: int  # the representative
    grid: tuple[int, int, int, int]  # in time order, holds ``key``; frames repeat in segments shorter than 4


def select(similarity: NDArray[np.floating], strategy: Strategy, seed: int | Sequence[int]) -> KeyFrames:
    """Choose the key frame and the four grid frames of one segment for one text.

    Ties go to the earlier frame. A segment of fewer than four frames has them all in its grid, the first ones
    twice or more often, whatever the strategy. Under ``clip_then_grouping``, when 4 does not divide n and the key
    frame lies behind the last full group, it takes the place of that group's frame.

    Args:
        similarity: [n] cosine of each sampled frame with the text, n >= 1.
        strategy: see ``docs/method.md``.
        seed: for the random strategy only.

    Raises:
        ValueError: when there is no frame, or a similarity is not a number.
    """
    if similarity.ndim != 1 or len(similarity) == 0 or not np.isfinite(similarity).all():
        raise ValueError(f"Key frames need one finite similarity per frame, got {similarity!r}.")
    n = len(similarity)
    best = int(np.argmax(similarity))
    if strategy == "random":
        grid = _random(n, seed)
        return KeyFrames(grid[0], grid)
    return KeyFrames(best, _spread(n) if n < GRID else _CHOICES[strategy](similarity, best))


def _four(positions: Sequence[int] | NDArray[np.intp]) -> tuple[int, int, int, int]:
    first, second, third, fourth = sorted(int(p) for p in positions)
    return first, second, third, fourth


def _spread(n: int) -> tuple[int, int, int, int]:
    return _four([slot * n // GRID for slot in range(GRID)])  # n=3: 0 0 1 2


def _random(n: int, seed: int | Sequence[int]) -> tuple[int, int, int, int]:
    if n < GRID:
        return _spread(n)
    return _four(np.random.default_rng(seed).choice(n, GRID, replace=False))


def _most_similar(similarity: NDArray[np.floating], _: int) -> tuple[int, int, int, int]:
    return _four(np.argsort(-similarity, kind="stable")[:GRID])


def _best_of_groups(similarity: NDArray[np.floating], _: int) -> tuple[int, int, int, int]:
    n = len(similarity)
    edges = [slot * n // GRID for slot in range(GRID + 1)]  # groups of n//4 or one more
    return _four([a + int(np.argmax(similarity[a:b])) for a, b in pairwise(edges)])


def _evenly_around(similarity: NDArray[np.floating], best: int) -> tuple[int, int, int, int]:
    group = len(similarity) // GRID
    frames = [slot * group + best % group for slot in range(GRID)]
    return _four(frames if best in frames else [*frames[:-1], best])


_CHOICES: dict[str, Callable[[NDArray[np.floating], int], tuple[int, int, int, int]]] = {
    "clip": _most_similar,
    "grouping_then_clip": _best_of_groups,
    "clip_then_grouping": _evenly_around,
}
