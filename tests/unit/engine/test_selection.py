"""What a cascade chooses: as defined, however many other segments, rules and tries there are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anyanomaly_core.engine.selection import is_audited, leading_count, ranks, seed, select
from anyanomaly_core.footage.unusual import find_unusual
from anyanomaly_core.profile import CascadeSpec
from anyanomaly_core.scoring.types import RuleTexts, SelectionReason

RULE = RuleTexts(1, "fire", ("smoke", "fire"), ("fog",))
cosines = st.sampled_from([-0.5, 0.1, 0.2, 0.25, 0.3])  # few values, so that there are ties
tables = hnp.arrays(np.float32, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=cosines)


def slow_ranks(table: np.ndarray) -> list[int]:
    """By definition: place of each segment in the list that its best place for some text gives."""
    places = [
        min(sum(table[o, t] > table[s, t] or (table[o, t] == table[s, t] and o < s) for o in range(len(table)))
            for t in range(table.shape[1]))
        for s in range(len(table))
    ]  # fmt: skip
    return [1 + sum((places[o], o) < (places[s], s) for o in range(len(table))) for s in range(len(table))]


@given(tables, st.data())
def test_ranks_are_those_of_the_definition_and_unranked_segments_change_nothing(
    table: np.ndarray,
    data: st.DataObject,
) -> None:
    expected = slow_ranks(table)
    assert ranks(table).tolist() == expected
    gaps = sorted(data.draw(st.lists(st.integers(0, len(table)), max_size=4)))
    wider = np.insert(table, gaps, np.nan, axis=0)
    found = ranks(wider)
    assert found[~np.isnan(wider).any(axis=1)].tolist() == expected
    assert not found[np.isnan(wider).any(axis=1)].any()


@given(st.integers(1, 10_000), st.integers(1, 999))
def test_a_share_is_rounded_up_and_never_all_but_of_few(count: int, thousandths: int) -> None:
    assert leading_count(count, thousandths / 1000) == -(-count * thousandths // 1000)


def test_the_audit_draws_each_segment_with_its_probability_and_more_is_a_superset() -> None:
    own = seed("ab" * 32, "cd" * 32, RULE)
    few = {s for s in range(20_000) if is_audited(own, s, 0.05)}
    more = {s for s in range(20_000) if is_audited(own, s, 0.2)}
    assert few < more
    assert abs(len(few) - 1000) < 5 * math.sqrt(20_000 * 0.05 * 0.95)
    assert not any(is_audited(own, s, 0.0) for s in range(100))
    assert all(is_audited(own, s, 1.0) for s in range(100))


@pytest.mark.parametrize(
    "other",
    [
        seed("ac" * 32, "cd" * 32, RULE),
        seed("ab" * 32, "ce" * 32, RULE),
        seed("ab" * 32, "cd" * 32, RuleTexts(1, "fire", ("smoke",), ("fire", "fog"))),
    ],
)
def test_the_audit_depends_on_content_scorer_and_question(other: bytes) -> None:
    assert other != seed("ab" * 32, "cd" * 32, RULE)
    # A version that asks the same has the same sample, whatever its number and name.
    assert seed("ab" * 32, "cd" * 32, RuleTexts(7, "renamed", RULE.texts, RULE.excluded)) == seed(
        "ab" * 32, "cd" * 32, RULE
    )


def test_static_segments_follow_the_segment_whose_scene_they_continue() -> None:
    table = np.array([[0.3], [np.nan], [0.1], [np.nan], [0.2]], np.float32)
    same_as = np.array([0, 0, 2, 2, 4], np.int32)
    moving = np.array([False, False, False, True, False])
    chosen = select(CascadeSpec(share=0.3, audit=1e-9), table, same_as, moving, b"s" * 32)
    assert [chosen.chosen(s) for s in range(5)] == [SelectionReason.RANK, SelectionReason.RANK, None, None, None]
    assert chosen.why_not(3) == (
        "left out by the cascade: the encoder ranks it 3 of 3, the first 1 are judged; the scene is that of segment 2"
    )
    audited = select(CascadeSpec(share=0.3, audit=1.0), table, same_as, moving, b"s" * 32)
    assert [audited.chosen(s) for s in (2, 3, 4)] == [SelectionReason.AUDIT] * 3


def test_unusual_is_what_stands_far_above_the_median_and_noise_is_not() -> None:
    quiet = np.full(100, 0.4, np.float32) + np.linspace(0, 0.6, 100, dtype=np.float32)
    quiet[[7, 60]] = 9.0, 3.0
    assert np.flatnonzero(find_unusual(quiet, 4.0)).tolist() == [7]
    busy = np.linspace(0, 40, 101, dtype=np.float32)  # median 20, deviation 10
    assert not find_unusual(busy, 4.0).any()
    assert np.flatnonzero(find_unusual(np.append(busy, np.float32(85.0)), 4.0)).tolist() == [101]
    assert find_unusual(np.zeros(0, np.float32), 4.0).tolist() == []
