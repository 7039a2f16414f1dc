from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.results.binomial import binomial_interval
from anyanomaly_core.review.thresholds import precision_recall_points, shortest_decimal_between, suggest


def tail(successes: int, trials: int, p: Fraction) -> Fraction:
    """P(X >= successes) of a binomial, summed term by term in exact arithmetic."""
    return sum(
        (comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(successes, trials + 1)), start=Fraction(0)
    )


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (1, 3), (29, 31), (7, 40), (1, 1)])
def test_interval_leaves_two_and_a_half_percent_in_each_tail(successes: int, trials: int) -> None:
    low, high = binomial_interval(successes, trials)
    if successes:
        assert float(tail(successes, trials, Fraction(low))) == pytest.approx(0.025, abs=1e-6)
    else:
        assert low == 0
    if successes < trials:
        assert float(1 - tail(successes + 1, trials, Fraction(high))) == pytest.approx(0.025, abs=1e-6)
    else:
        assert high == 1


def test_no_trials_say_nothing() -> None:
    assert binomial_interval(0, 0) == (0.0, 1.0)


judged = st.lists(st.tuples(st.integers(50, 99).map(lambda n: n / 100), st.booleans()), min_size=10, max_size=60)


@given(judged, st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_suggestion_is_the_lowest_threshold_that_reaches_the_precision(
    events: list[tuple[float, bool]], target: float
) -> None:
    """Against trying every threshold of the grid one after the other."""
    peaks, real = [peak for peak, _ in events], [flag for _, flag in events]
    found = suggest(peaks, real, target=target, now=0.5)

    def share(t: float) -> float:
        shown = [flag for peak, flag in events if peak >= t]
        return sum(shown) / len(shown) if shown else 0.0

    reaching = [t for t in (n / 100 for n in range(50, 100)) if share(t) >= target]
    if not any(real) or not reaching:
        assert found.point is None
        return
    assert found.point is not None
    chosen = found.point.threshold
    assert [peak >= chosen for peak in peaks] == [peak >= min(reaching) for peak in peaks]
    assert found.point.precision == pytest.approx(share(min(reaching)))
    assert found.point.missed == sum(flag for peak, flag in events if peak < min(reaching))


def test_the_sentence_is_the_one_that_was_asked_for() -> None:
    """31 real events from 0.61 upwards but two, 12 false ones below 0.62, three above."""
    real = [0.55, 0.58] + [0.62 + 0.01 * n for n in range(29)]
    false = [0.5 + 0.01 * n for n in range(12)] + [0.70, 0.80, 0.90]
    flags = [True] * len(real) + [False] * len(false)
    found = suggest(real + false, flags, target=0.9, now=0.5)
    assert found.sentence == (
        "For 90 % precision set 0.62; you would have missed 2 of 31. "
        "Precision was 29 of 32, 95 % interval 75 % to 98 %."
    )


def test_too_few_or_hopeless_is_said() -> None:
    assert "Too few" in suggest([0.5] * 9, [True] * 9).sentence
    assert "Too few" in suggest([0.5] * 30, [False] * 30).sentence
    never = suggest([0.6] * 10 + [0.9] * 10, [True] * 5 + [False] * 15)
    assert never.point is None
    assert never.sentence.startswith("No threshold reaches 90 % precision")
    already = suggest([0.6] * 10, [True] * 10, now=0.5)
    assert already.sentence.startswith("The threshold in force, 0.50, already gives 90 % precision.")


def test_curve_counts_ties_together() -> None:
    points = precision_recall_points([0.5, 0.7, 0.7, 0.9], [False, True, False, True])
    assert [(p.threshold, p.reaching, p.real) for p in points] == [(0.5, 4, 2), (0.7, 3, 2), (0.9, 1, 1)]
    assert precision_recall_points([], []) == ()


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_shortest_number_separates(a: float, b: float) -> None:
    below, at_most = sorted((a, b))
    if below < at_most:
        chosen = shortest_decimal_between(below, at_most)
        assert below < chosen <= at_most
