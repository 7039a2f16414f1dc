"""The promise of a certificate, against exact calculation; and that its ledger says the same as it does."""

import copy
import json
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from anyanomaly_core.engine.certificate import Judgement, Level, Target, Why, find_until_certain
from anyanomaly_core.engine.count_bound import CountBound
from anyanomaly_core.errors import ConfigurationError


def chance_of_ever_excluding(truth: int, left: int, confidence: float) -> float:
    """Exactly: over all orders of single segments, the chance that after some draw the bound lies under the truth."""
    excluded = 0.0
    alive = [(1.0, 0, CountBound(left, 1, confidence))]  # chance, hits so far, draws that never excluded it
    for drawn in range(left):
        after = []
        for chance, hits, bound in alive:
            hit = (truth - hits) / (left - drawn)
            for is_hit, share in ((True, hit), (False, 1 - hit)):
                if share > 0:
                    one = copy.deepcopy(bound)
                    one.draw(is_hit)
                    one.learn(int(is_hit), 1)
                    if hits + is_hit + one.most_missed() < truth:
                        excluded += chance * share
                    else:
                        after.append((chance * share, hits + is_hit, one))
        alive = after
    return excluded


@pytest.mark.parametrize(("left", "confidence"), [(1, 0.95), (7, 0.5), (9, 0.8)])
def test_looking_after_every_draw_the_bound_fails_no_more_often_than_promised(left: int, confidence: float) -> None:
    worst = max(chance_of_ever_excluding(truth, left, confidence) for truth in range(left + 1))
    assert worst <= 1 - confidence


@pytest.mark.parametrize(("level", "least"), [(Level.SEGMENTS, 1), (Level.EVENTS, 1), (Level.EVENTS, 2)])
def test_with_runs_that_are_followed_the_promise_holds_as_often_as_it_says(level: Level, least: int) -> None:
    """150 drawings of one archive that the order knows nothing of, at a confidence low enough to see it fail."""
    there = [segment // 4 % 6 == 3 for segment in range(240)]  # ten runs of four
    target = Target(0.7, 0.6, level, least)
    broken = 0
    for seed in range(150):
        order = np.random.default_rng(seed + 10**6).permutation(240).tolist()
        said, _ = find_until_certain(order, lambda s: [there[one] for one in s], target, seed=seed, patience=8)
        truth = 10 if level is Level.EVENTS else 40
        broken += said.found + said.missed_at_most < truth or (said.reached and said.found / truth < 0.7)
    assert binomtest(broken, 150, 0.4, alternative="greater").pvalue > 1e-6


def bound_of(left: int, misses: int, hits: int = 0) -> int:
    bound = CountBound(left, 1, 0.95)
    for number in range(misses + hits):
        bound.draw(number < hits)
        bound.learn(int(number < hits), 1)
    return bound.most_missed()


def test_nothing_in_many_draws_says_about_what_a_textbook_says() -> None:
    """0 of n bounds the rate by 1 - 0.05^(1/n) if one looks once; looking at any time costs a little more."""
    at_once = 1 - 0.05 ** (1 / 3000)
    assert at_once < bound_of(1_000_000, 3000) / 1_000_000 < 1.3 * at_once
    assert bound_of(500, 497, 3) == 0
    assert bound_of(500, 0) == 500


ARCHIVES = st.integers(0, 2**32 - 1)


def archive(seed: int) -> tuple[list[bool], list[int], tuple[int, ...]]:
    """(what is there, an order that knows something of it or nothing, where videos begin)."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 400))
    there = np.zeros(count, np.bool_)
    for start in rng.integers(count, size=rng.integers(0, 6)):
        there[start : start + rng.integers(1, 12)] = True
    order = np.argsort(-(there * rng.choice([-1, 0, 1]) + rng.normal(size=count) / 2), kind="stable")
    begins = (0, *sorted(rng.integers(count, size=3).tolist()))
    return there.tolist(), order.tolist(), begins


@given(ARCHIVES, st.sampled_from(Level), st.integers(1, 3), st.none() | st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_its_ledger_gives_the_same_certificate_again(seed: int, level: Level, least: int, budget: int | None) -> None:
    there, order, begins = archive(seed)
    asked: list[int] = []

    def judge(segments: object) -> list[bool]:
        asked.extend(segments)  # type: ignore[call-overload]
        return [there[segment] for segment in segments]  # type: ignore[attr-defined]

    target = Target(level=level, least_segments=least)
    certificate, ledger = find_until_certain(order, judge, target, seed=seed, begins=begins, budget=budget, patience=10)
    assert asked == [one.segment for one in ledger]
    assert len(set(asked)) == len(asked), "nothing is asked twice"
    assert budget is None or len(asked) <= budget
    assert sorted([*asked, *certificate.unjudged]) == list(range(len(there)))
    document = json.loads(json.dumps(certificate.as_dict()))
    assert document["unjudged"] == len(there) - len(asked)
    assert (certificate.recall is None) == (certificate.found == 0)
    if budget is None:
        assert all_runs_are_whole(ledger, there, begins)
        missed = events(there, begins, least, set(asked)) if level is Level.EVENTS else set()
        if not certificate.unjudged:
            assert certificate.missed_at_most == 0
            assert not missed
    check_again(certificate.as_dict(), ledger, there)


def all_runs_are_whole(ledger: list[Judgement], there: list[bool], begins: tuple[int, ...]) -> bool:
    """What was found was followed to both its ends."""
    judged = {one.segment for one in ledger}
    for one in ledger:
        for end, beside in ((one.segment, one.segment - 1), (one.segment + 1, one.segment + 1)):
            inside = 0 <= beside < len(there) and end not in begins
            if one.found and inside and beside not in judged:
                return False
    return True


def events(there: list[bool], begins: tuple[int, ...], least: int, judged: set[int]) -> set[tuple[int, int]]:
    """Runs of at least so many segments of which none was judged."""
    runs, start = set(), None
    for segment in range(len(there) + 1):
        goes_on = segment < len(there) and there[segment]
        if start is not None and (not goes_on or segment in begins):
            if segment - start >= least and not judged & set(range(start, segment)):
                runs.add((start, segment - 1))
            start = None
        if goes_on and start is None:
            start = segment
    return runs


def check_again(said: dict[str, Any], ledger: list[Judgement], there: list[bool]) -> None:
    """From the ledger and the seed alone, in fractions: which draws there were, and what they exclude."""
    first = next((n for n, one in enumerate(ledger) if one.why is Why.DRAW), len(ledger))
    before = {one.segment for one in ledger[:first]}
    left = [segment for segment in range(len(there)) if segment not in before]
    assert said["left"] == len(left)
    # The draws are the seed's order, without what following had judged by then.
    draws = [one.segment for one in ledger if one.why is Why.DRAW]
    judged_at = {one.segment: n for n, one in enumerate(ledger)}
    expected = []
    for segment in np.random.default_rng(said["seed"]).permutation(np.array(left, np.int64)).tolist():
        if len(expected) == len(draws):
            break
        if judged_at.get(segment, len(ledger)) >= judged_at[draws[len(expected)]]:
            expected.append(segment)
    assert draws == expected
    if said["target"]["level"] == "segments":
        # By hand: how many are unknown and how many found before each draw, and what the draw saw.
        steps = []
        for draw in draws:
            past = ledger[first : judged_at[draw]]
            steps.append((len(left) - len(past), sum(one.found for one in past), ledger[judged_at[draw]].found))
        found = sum(one.found for one in ledger[first:])
        bound = said["missed_at_most"]
        assert not excluded(len(left), steps, found + bound)
        if found + bound < len(left) - (len(ledger) - first) + found:
            assert excluded(len(left), steps, found + bound + 1)


def excluded(left: int, steps: list[tuple[int, int, bool]], number: int) -> bool:
    """Whether the martingale has reached 20 for a number of hits, in fractions."""
    few = list(range(min(33, left + 1)))
    many = sorted({int(value) for value in np.geomspace(33, left, 64)}) if left >= 33 else []
    tries = few + many
    weights = [Fraction(1, (place + 1) ** 2) for place in range(len(tries))]

    def chance(of_steps: list[tuple[int, int, bool]], total: int) -> Fraction:
        product = Fraction(1)
        for unknown, found, hit in of_steps:
            share = Fraction(total - found, unknown)
            if not 0 <= share <= 1:
                return Fraction(0)
            product *= share if hit else 1 - share
        return product

    def mixture(of_steps: list[tuple[int, int, bool]], more: int) -> Fraction:
        chances = (w * chance(of_steps, more + one) for w, one in zip(weights, tries, strict=True))
        return sum(chances, Fraction(0)) / sum(weights)

    anew = Fraction(1)  # mixed over what is left, from find to find
    for found, of_steps in groupby(steps, key=lambda step: step[1]):
        anew *= mixture(list(of_steps), found)
    return chance(steps, number) <= (mixture(steps, 0) + anew) / 2 * Fraction(1, 20)


def test_a_good_order_is_cheap_and_a_wrong_one_costs_answers_and_not_the_promise() -> None:
    there = np.zeros(20_000, np.bool_)
    there[5000:6000] = True
    good, bad = np.argsort(~there, kind="stable").tolist(), np.argsort(there, kind="stable").tolist()
    shares = {}
    for name, order in (("good", good), ("bad", bad)):
        found, ledger = find_until_certain(order, lambda segments: [bool(there[s]) for s in segments], seed=7)
        assert found.reached
        assert found.found >= 950
        shares[name] = len(ledger) / len(there)
    assert shares["good"] < 0.15
    assert shares["bad"] < 0.2, "what is drawn is followed to its ends"


def test_where_nothing_is_there_is_no_share_and_a_budget_leaves_an_honest_one() -> None:
    nothing, _ = find_until_certain(range(20_000), lambda segments: [False] * len(segments), seed=1)
    assert (nothing.recall, nothing.reached, nothing.found) == (None, False, 0)
    assert nothing.missed_at_most <= 20
    half = [segment % 2 == 0 for segment in range(1000)]
    some, ledger = find_until_certain(range(1000), lambda s: [half[one] for one in s], seed=1, budget=300)
    assert len(ledger) == 300
    assert not some.reached
    assert some.recall is not None
    assert 0.1 < some.recall < 0.35
    with pytest.raises(ConfigurationError, match="names every segment"):
        find_until_certain([0, 2], lambda segments: [False] * len(segments), seed=1)
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        Target(recall=1.0)


def test_an_event_that_the_budget_cut_off_may_be_missed() -> None:
    target = Target(0.5, 0.8, Level.EVENTS, least_segments=5)
    certificate, _ = find_until_certain(range(5), lambda asked: [True for _ in asked], target, seed=1, budget=2)
    assert (certificate.found, certificate.reached) == (0, False)
    assert certificate.missed_at_most >= 1
