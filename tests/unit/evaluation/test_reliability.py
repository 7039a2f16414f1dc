"""Reliability curves and maps, against counting and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.calibration import fit_score_map
from anyanomaly_core.evaluation.reliability import calibration_error, reliability


def test_a_curve_by_hand() -> None:
    curve = reliability(np.array([0.05, 0.75, 0.71, 1.0]), np.array([False, True, False, True]))
    assert [(bar.low, bar.count, bar.share_right) for bar in curve] == [(0.0, 1, 0.0), (0.7, 2, 0.5), (0.9, 1, 1.0)]
    assert calibration_error(curve) == pytest.approx((0.05 + 2 * 0.23 + 0.0) / 4)
    assert np.isnan(calibration_error([]))


def examples(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Scores that promise too much: a score s is right with probability s squared."""
    rng = np.random.default_rng(seed)
    scores = rng.random(count).round(2)
    return scores, rng.random(count) < scores**2


def test_isotonic_is_scikit_learns() -> None:
    scores, right = examples(1)
    learned = fit_score_map(scores, right, "isotonic")
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, right)
    grid = np.linspace(-0.1, 1.1, 77)
    assert learned(grid) == pytest.approx(expected.predict(grid), abs=1e-6)


def test_platt_is_a_logistic_regression_towards_smoothed_targets() -> None:
    scores, right = examples(2)
    learned = fit_score_map(scores, right, "platt")
    yes, no = (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2)
    target = np.where(right, yes, no)
    twice = np.concatenate([scores, scores])[:, None]  # each example as a weighted pair of outcomes
    model = LogisticRegression(C=1e9, tol=1e-8, max_iter=1000).fit(
        twice, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target])
    )
    grid = np.linspace(0, 1, 33)
    assert learned(grid) == pytest.approx(model.predict_proba(grid[:, None])[:, 1], abs=3e-3)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_map_makes_new_scores_more_honest(method: str) -> None:
    learned = fit_score_map(*examples(3), method)  # type: ignore[arg-type]
    scores, right = examples(4, 4000)
    before = calibration_error(reliability(scores, right))
    assert calibration_error(reliability(learned(scores), right)) < before / 2


@given(st.integers(0, 200), st.sampled_from(["platt", "isotonic"]))
def test_maps_rise_and_stay_probabilities(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    scores, right = rng.random(30).round(1), np.arange(30) < rng.integers(5, 26)
    rng.shuffle(right)
    learned = fit_score_map(scores, right, method)  # type: ignore[arg-type]
    values = learned(np.linspace(0, 1, 50))
    assert (np.diff(values) >= -1e-12).all()
    assert values.min() >= 0
    assert values.max() <= 1


def test_too_few_verdicts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="4 confirmed and 20 rejected"):
        fit_score_map(np.linspace(0, 1, 24), np.arange(24) < 4, "platt")
