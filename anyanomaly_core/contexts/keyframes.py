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
    grid: tuple[int, int, int, int]  # in time order, holds ``key`` (not always the reference's); frames repeat below 4


def select(
    similarity: NDArray[np.floating], strategy: Strategy, seed: int | Sequence[int], *, reference: bool = False
) -> KeyFrames:
    """Choose the key frame and the four grid frames of one segment for one text.

    Ties go to the earlier frame. A segment of fewer than four frames has them all in its grid, the first ones
    twice or more often, whatever the strategy. Under ``clip_then_grouping``, when 4 does not divide n and the key
    frame lies behind the last full group, it takes the place of that group's frame.

    Args:
        similarity: [n] cosine of each sampled frame with the text, n >= 1.
        strategy: see ``docs/method.md``.
        seed: for the random strategy only.
        reference: ties and odd numbers of frames as the reference implementation has them, from four frames on: the
            ``clip`` strategy prefers the later of equals, groups end after 4 * (n // 4) frames, and a key frame behind
            them is in no grid.

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
    if n < GRID:
        return KeyFrames(best, _spread(n))
    if reference:
        return _reference_choice(similarity, strategy, best)
    return KeyFrames(best, _CHOICES[strategy](similarity, best))


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


def _reference_choice(similarity: NDArray[np.floating], strategy: Strategy, best: int) -> KeyFrames:
    """Key and grid frames of n >= 4 frames, by similarity, ties and rest as the reference implementation has them."""
    group = len(similarity) // GRID
    if strategy == "clip":
        ascending = np.argsort(similarity)
        return KeyFrames(int(ascending[-1]), _four(ascending[-GRID:]))
    if strategy == "grouping_then_clip":
        groups = similarity[: GRID * group].reshape(GRID, group)
        return KeyFrames(best, _four(groups.argmax(axis=1) + group * np.arange(GRID)))
    return KeyFrames(best, _four([slot * group + best % group for slot in range(GRID)]))


_CHOICES: dict[str, Callable[[NDArray[np.floating], int], tuple[int, int, int, int]]] = {
    "clip": _most_similar,
    "grouping_then_clip": _best_of_groups,
    "clip_then_grouping": _evenly_around,
}
