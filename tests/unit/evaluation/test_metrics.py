"""Figures against hand derivation, scikit-learn, and resampling done the slow way: by repeating frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from anyanomaly_core.evaluation.metrics import (
    LabelledScores,
    average_precision,
    bootstrap_metrics,
    draw_resamples,
    per_video_auc,
    percentile_interval,
    roc_auc,
    worst_case,
)


def frames(video: list[int], positive: list[int], score: list[float]) -> LabelledScores:
    return LabelledScores(np.array(video), np.array(positive, np.bool_), np.array(score, np.float64))


def test_by_hand() -> None:
    """Positives 0.9 and 0.4, negatives 0.4, 0.2, 0.7: of six pairs 3 + (1 + 0.5) are right."""
    positive = np.array([1, 1, 0, 0, 0], np.bool_)
    score = np.array([0.9, 0.4, 0.4, 0.2, 0.7])
    assert roc_auc(positive, score) == pytest.approx(4.5 / 6)
    # 0.9: precision 1, recall 1/2. 0.4 (a tie): 2 of 4 are right, recall 1.
    assert average_precision(positive, score) == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_without_both_kinds_there_is_no_figure() -> None:
    assert np.isnan(roc_auc(np.array([True, True]), np.array([0.1, 0.2])))
    assert np.isnan(roc_auc(np.array([], np.bool_), np.array([])))
    assert np.isnan(average_precision(np.array([False]), np.array([0.1])))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_resamples_are_what_repeating_frames_gives(rows: list[tuple[int, bool, int]]) -> None:
    given_frames = frames([r[0] for r in rows], [int(r[1]) for r in rows], [r[2] / 5 for r in rows])
    draws = draw_resamples(4, 6, seed=len(rows))
    assert (draws.sum(axis=1) == 4).all()
    pair = bootstrap_metrics(given_frames, draws)
    for row, auc, ap in zip(draws, pair.auc, pair.ap, strict=True):
        times = row[given_frames.video].astype(int)
        positive, score = np.repeat(given_frames.positive, times), np.repeat(given_frames.score, times)
        if positive.any() and not positive.all():
            assert auc == pytest.approx(roc_auc_score(positive, score))
        else:
            assert np.isnan(auc)
        if positive.any():
            assert ap == pytest.approx(average_precision_score(positive, score))


def test_per_video_leaves_videos_of_one_kind_out() -> None:
    both = frames([0, 0, 1, 1, 2], [1, 0, 0, 0, 1], [0.9, 0.1, 0.5, 0.6, 0.3])
    assert per_video_auc(both) == (1.0, 1)


def test_an_interval_needs_most_resamples_and_three_videos() -> None:
    few = np.array([0.5, np.nan, np.nan, np.nan])
    assert percentile_interval(few, 9) is None
    assert percentile_interval(np.array([]), 9) is None
    assert percentile_interval(np.linspace(0, 1, 201), 2) is None
    found = percentile_interval(np.linspace(0, 1, 201), 3)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025, 0.975))


def test_the_worst_case_by_hand() -> None:
    """Scored: 0.9+ 0.4- 0.3+; two positives below, one negative above. Of 4 x 2 pairs only 0.9+ > 0.4- is right."""
    auc, ap = worst_case(frames([0, 0, 0], [1, 0, 1], [0.9, 0.4, 0.3]), 2, 1)
    assert auc == pytest.approx(1 / 8)
    # From above: -, +, -, +, +, +: precisions 1/2, 2/4, 3/5 and 4/6, a quarter of the recall each.
    assert ap == pytest.approx((1 / 2 + 2 / 4 + 3 / 5 + 4 / 6) / 4)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=6),
    st.integers(0, 2**31),
)
def test_no_scores_of_the_unscored_frames_could_make_it_worse(
    scored: list[tuple[bool, int]], unscored: list[bool], seed: int
) -> None:
    own = frames([0] * len(scored), [int(positive) for positive, _ in scored], [score / 5 for _, score in scored])
    auc, ap = worst_case(own, sum(unscored), len(unscored) - sum(unscored))
    any_scores = np.random.default_rng(seed).random(len(unscored)).round(1)
    positive = np.concatenate([own.positive, np.array(unscored)])
    score = np.concatenate([own.score, any_scores])
    if positive.any() and not positive.all():
        assert auc <= roc_auc(positive, score) + 1e-12
    if positive.any():
        assert ap <= average_precision(positive, score) + 1e-12
