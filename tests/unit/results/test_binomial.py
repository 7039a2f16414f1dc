"""The bound on what a cascade missed, against a slow implementation of its definition and by counting every sample."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from anyanomaly_core.results.binomial import binomial_interval, missed_bound, share_bound


def tail(hits: int, drawn: int, share: Fraction) -> Fraction:
    """Probability of at most so many hits, term by term in whole numbers."""
    return sum((comb(drawn, k) * share**k * (1 - share) ** (drawn - k) for k in range(hits + 1)), Fraction(0))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_at_the_bound_so_few_hits_have_a_probability_of_five_percent(sample: tuple[int, int]) -> None:
    hits, drawn = sample
    bound = share_bound(hits, drawn)
    assert float(tail(hits, drawn, Fraction(bound))) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(("hits", "drawn"), [(0, 1), (1, 20), (20, 20), (50, 2000), (300, 100_000)])
def test_scipys_slower_search_finds_the_same_ends(hits: int, drawn: int) -> None:
    two_sided = binomtest(hits, drawn).proportion_ci(0.95, method="exact")
    assert binomial_interval(hits, drawn) == pytest.approx((two_sided.low, two_sided.high), abs=1e-9)
    one_sided = binomtest(hits, drawn, alternative="less").proportion_ci(0.95, method="exact")
    assert share_bound(hits, drawn) == pytest.approx(one_sided.high, abs=1e-9)


def test_known_figures() -> None:
    assert share_bound(0, 60) == pytest.approx(1 - 0.05 ** (1 / 60))  # the rule of three, exactly
    assert share_bound(0, 0) == share_bound(7, 7) == 1.0
    assert share_bound(1, 20) == pytest.approx(0.2161, abs=5e-5)  # Clopper and Pearson's own tables
    assert missed_bound(0, 59, 1000) == 49  # 4.95 % of 1000
    assert missed_bound(3, 3, 10) == 7  # nothing is known of the other seven
    assert missed_bound(0, 10, 10) == 0  # everything was looked at
    with pytest.raises(ValueError, match="5 hits of 4"):
        share_bound(5, 4)


@pytest.mark.parametrize("population", [1, 7, 20, 41])
def test_whatever_was_missed_the_bound_holds_in_95_of_100_samples(population: int) -> None:
    """Every number of hits and every size of sample, over all samples without replacement."""
    for hits in range(population + 1):
        for drawn in range(population + 1):
            held = sum(
                comb(hits, k) * comb(population - hits, drawn - k)
                for k in range(max(0, drawn - population + hits), min(hits, drawn) + 1)
                if hits - k <= missed_bound(k, drawn, population)
            )
            assert held / comb(population, drawn) >= 0.95, (hits, drawn)
