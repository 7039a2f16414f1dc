import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anyanomaly_core.contexts.keyframes import KeyFrames, select
from anyanomaly_core.profile import Strategy

STRATEGIES: list[Strategy] = ["random", "clip", "grouping_then_clip", "clip_then_grouping"]
similarities = hnp.arrays(np.float32, st.integers(1, 70), elements=st.floats(-1, 1, width=32))


def ramp(n: int, best: int) -> np.ndarray:
    """Similarity that falls with the distance from ``best``."""
    return (1 - np.abs(np.arange(n) - best) / 100).astype(np.float32)


@given(similarities, st.sampled_from(STRATEGIES), st.integers(0, 5))
def test_invariants(similarity: np.ndarray, strategy: Strategy, seed: int) -> None:
    chosen = select(similarity, strategy, seed)
    assert len(chosen.grid) == 4
    assert list(chosen.grid) == sorted(chosen.grid)
    assert all(0 <= p < len(similarity) for p in chosen.grid)
    assert chosen.key in chosen.grid
    if len(similarity) >= 4:
        assert len(set(chosen.grid)) == 4
    else:
        assert set(chosen.grid) == set(range(len(similarity)))
    if strategy != "random":
        assert chosen.key == similarity.argmax()
    assert select(similarity, strategy, seed) == chosen


# the paper's default on 24 frames: r = 13 mod 6 = 1 -> 1, 7, 13, 19
@pytest.mark.parametrize(
    ("n", "best", "grid"),
    [
        (24, 13, (1, 7, 13, 19)),
        (24, 0, (0, 6, 12, 18)),
        (24, 23, (5, 11, 17, 23)),
        (8, 3, (1, 3, 5, 7)),
        (27, 25, (1, 7, 13, 25)),  # g = 6, r = 1; 25 lies behind the last full group and takes its frame's place
        (27, 20, (2, 8, 14, 20)),
        (5, 4, (0, 1, 2, 4)),
        (4, 2, (0, 1, 2, 3)),
        (3, 1, (0, 0, 1, 2)),
        (2, 1, (0, 0, 1, 1)),
        (1, 0, (0, 0, 0, 0)),
    ],
)
def test_clip_then_grouping_by_hand(n: int, best: int, grid: tuple[int, int, int, int]) -> None:
    assert select(ramp(n, best), "clip_then_grouping", 0) == KeyFrames(best, grid)


def test_clip_takes_the_four_most_similar_in_time_order() -> None:
    similarity = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7], np.float32)
    assert select(similarity, "clip", 0) == KeyFrames(1, (1, 3, 4, 5))


def test_grouping_then_clip_takes_the_best_of_each_group() -> None:
    similarity = np.array([0.1, 0.2, 0.9, 0.3, 0.5, 0.6, 0.8, 0.7], np.float32)
    assert select(similarity, "grouping_then_clip", 0) == KeyFrames(2, (1, 2, 5, 6))


def test_ties_go_to_the_earlier_frame() -> None:
    same = np.full(24, 0.25, np.float32)
    assert select(same, "clip_then_grouping", 0) == KeyFrames(0, (0, 6, 12, 18))
    assert select(same, "clip", 0) == KeyFrames(0, (0, 1, 2, 3))
    assert select(same, "grouping_then_clip", 0) == KeyFrames(0, (0, 6, 12, 18))


def test_random_depends_on_the_seed_only() -> None:
    a, b = ramp(24, 3), ramp(24, 20)
    assert select(a, "random", 7) == select(b, "random", 7)
    assert select(a, "random", 7).key == select(a, "random", 7).grid[0]
    assert len({select(a, "random", (0, s)).grid for s in range(20)}) > 10


@pytest.mark.parametrize("bad", [np.zeros(0, np.float32), np.array([0.1, np.nan], np.float32), np.zeros((2, 2))])
def test_what_is_no_similarity_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite similarity"):
        select(bad, "clip", 0)


def test_the_random_strategy_is_spread_evenly() -> None:
    counts = np.zeros(24)
    for seed in range(3000):
        counts[list(select(ramp(24, 0), "random", seed).grid)] += 1
    assert counts.min() > 400  # 500 expected
    assert counts.max() < 600


def as_published(similarity: np.ndarray, strategy: str) -> tuple[int, list[int]]:
    """Representative and grid by counting, as the paper's code has them."""
    n, values = len(similarity), list(similarity)
    group = n // 4
    best = values.index(max(values))
    if strategy == "clip_then_grouping":
        return best, [best % group + slot * group for slot in range(4)]
    if strategy == "grouping_then_clip":
        groups = [values[slot * group : (slot + 1) * group] for slot in range(4)]
        return best, [slot * group + own.index(max(own)) for slot, own in enumerate(groups)]
    order = list(np.argsort(similarity)[::-1])
    return order[0], sorted(order[:4])


TIED = hnp.arrays(np.float32, st.integers(4, 40), elements=st.sampled_from([0.0, 0.25, 0.5]))


@given(TIED, st.sampled_from(STRATEGIES[1:]))
def test_ties_and_odd_lengths_as_published(similarity: np.ndarray, strategy: Strategy) -> None:
    chosen = select(similarity, strategy, 0, reference=True)
    assert (chosen.key, list(chosen.grid)) == as_published(similarity, strategy)


def test_what_ties_and_odd_lengths_are_in_the_paper() -> None:
    """By hand: of equals the clip strategy takes the last; frame 25 of 26 is key and in no grid."""
    assert select(np.ones(8, np.float32), "clip", 0, reference=True) == KeyFrames(7, (4, 5, 6, 7))
    assert select(ramp(26, 25), "clip_then_grouping", 0, reference=True) == KeyFrames(25, (1, 7, 13, 19))
    assert select(ramp(27, 26), "grouping_then_clip", 0, reference=True) == KeyFrames(26, (5, 11, 17, 23))
