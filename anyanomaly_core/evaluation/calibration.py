"""Maps from score to probability, learned from verdicts on one rule's events.

A map is used only where somebody asks for it: scores in the database stay what the models said. Platt's map is a
logistic curve through smoothed targets (Platt 1999); the isotonic one is the best non-decreasing step function, read
between its steps by straight lines.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sqlalchemy import Connection, insert, select, text

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.metrics import BoolArray, FloatArray
from anyanomaly_core.results.evaluation_tables import score_maps
from anyanomaly_core.results.schema import rules

Method = Literal["platt", "isotonic"]

LEAST_OF_EACH = 5  # right and wrong examples below which no map is learned
PLATT_KNOTS = 41  # the curve is kept as points with straight lines between: within 0.002 for slopes up to 20
# The newest verdict of each event that was looked at, on the rule's current version.
_JUDGED = text(
    "SELECT scorer_id, peak_score, verdict = 'real' FROM event_list"
    " WHERE rule = :rule AND is_current_version AND verdict IN ('real', 'false_alarm') ORDER BY event_id"
)


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """Score to probability, by straight lines between knots; constant outside them."""

    method: Method
    scores: tuple[float, ...]  # increasing
    probabilities: tuple[float, ...]  # non-decreasing, each in 0..1
    right: int  # examples learned from
    wrong: int

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Probabilities [n] of scores [n]; NaN stays NaN."""
        return np.interp(scores, self.scores, self.probabilities)


def judged_events(connection: Connection, rule: str) -> dict[int, tuple[FloatArray, BoolArray]]:
    """Map each scorer to the peak scores [n] of a rule's judged events and whether each was real.

    Raises:
        ConfigurationError: when nobody has judged any.
    """
    found: dict[int, list[tuple[float, bool]]] = {}
    for scorer, score, real in connection.execute(_JUDGED, {"rule": rule}):
        found.setdefault(scorer, []).append((score, real))
    if not found:
        raise ConfigurationError(f"No event of a rule called {rule!r} was judged real or false alarm yet.")
    return {
        scorer: (np.array([score for score, _ in own]), np.array([real for _, real in own], np.bool_))
        for scorer, own in found.items()
    }


def learn_score_map(connection: Connection, rule: str, scorer_id: int, method: Method) -> ScoreMap:
    """Learn a rule's map for one scorer and keep it; the newest counts, and only where somebody asks for it.

    Raises:
        ConfigurationError: with too few verdicts.
    """
    scores, real = judged_events(connection, rule)[scorer_id]
    learned = fit_score_map(scores, real, method)
    rule_id = connection.execute(select(rules.c.rule_id).where(rules.c.name == rule)).scalar_one()
    row = {
        "rule_id": rule_id,
        "scorer_id": scorer_id,
        "method": method,
        "scores": list(learned.scores),
        "probabilities": list(learned.probabilities),
        "confirmed": learned.right,
        "rejected": learned.wrong,
    }
    connection.execute(insert(score_maps).values(row))
    return learned


def fit_score_map(scores: FloatArray, right: BoolArray, method: Method) -> ScoreMap:
    """The map for one rule.

    Args:
        scores: [n] peak scores of its events.
        right: [n] whether a reviewer confirmed them.
        method: ``platt`` needs few examples; ``isotonic`` follows any rising shape, and needs some dozens.

    Raises:
        ConfigurationError: with fewer than five right or five wrong examples.
    """
    confirmed = int(right.sum())
    rejected = len(right) - confirmed
    if min(confirmed, rejected) < LEAST_OF_EACH:
        raise ConfigurationError(
            f"There are {confirmed} confirmed and {rejected} rejected events; "
            f"a map needs {LEAST_OF_EACH} of each. Review more of this rule's events."
        )
    knots, values = (_platt if method == "platt" else _isotonic)(scores.astype(np.float64), right)
    return ScoreMap(method, tuple(map(float, knots)), tuple(map(float, values)), confirmed, rejected)


def _platt(scores: FloatArray, right: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Maximum likelihood of p = 1 / (1 + exp(-(a s + b))), a >= 0, towards Platt's targets."""
    confirmed = int(right.sum())
    rejected = len(right) - confirmed
    targets = np.where(right, (confirmed + 1) / (confirmed + 2), 1 / (rejected + 2))

    def loss(ab: FloatArray) -> tuple[float, FloatArray]:
        z = ab[0] * scores + ab[1]
        gap = expit(z) - targets
        return float((np.logaddexp(0, z) - targets * z).sum()), np.array([(gap * scores).sum(), gap.sum()])

    start = np.array([1.0, float(np.log((confirmed + 1) / (rejected + 1)))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    knots = np.linspace(0.0, 1.0, PLATT_KNOTS)
    return knots, expit(found.x[0] * knots + found.x[1])


def _isotonic(scores: FloatArray, right: BoolArray) -> tuple[FloatArray, FloatArray]:
    """scikit-learn's thresholds; a single one is repeated, since a map has two ends."""
    fitted = IsotonicRegression().fit(scores, right)
    knots, values = fitted.X_thresholds_, fitted.y_thresholds_
    return (knots, values) if len(knots) > 1 else (np.repeat(knots, 2), np.repeat(values, 2))
