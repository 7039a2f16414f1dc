"""From the scores of the three images to one score (paper sections 3.5 and 3.6)."""

from collections.abc import Sequence
from typing import NamedTuple

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.profile import ContextSpec, ScoringSpec


class ContextValues(NamedTuple):
    """One value per image of a segment; None where a context is switched off."""

    key: float | None
    position: float | None
    temporal: float | None


def used_weights(scoring: ScoringSpec, contexts: ContextSpec) -> ContextValues:
    """The fusion weights of the contexts in use, rescaled to sum 1; None for a context that is switched off.

    Without temporal context 0.6 / 0.3 / 0.1 become 2/3, 1/3, None: scores stay in 0..1 and thresholds comparable.

    Raises:
        ConfigurationError: when all weight lies on contexts that are switched off.
    """
    key, position, temporal = scoring.weights
    used = ContextValues(key, position if contexts.position else None, temporal if contexts.temporal else None)
    total = sum(weight for weight in used if weight is not None)
    if total <= 0:
        raise ConfigurationError(
            f"scoring.weights {scoring.weights} lie on contexts that are switched off: "
            "switch contexts.position or contexts.temporal on, or give the key frame a weight."
        )
    return ContextValues(*(None if weight is None else weight / total for weight in used))


def fuse(scores: ContextValues, weights: ContextValues) -> float:
    """Weighted sum, in 0..1 for scores in 0..1 (paper section 3.5)."""
    pairs = [(s, w) for s, w in zip(scores, weights, strict=True) if w is not None]
    return min(1.0, max(0.0, sum(_require_score(s) * w for s, w in pairs)))


def best_of_texts(scores: Sequence[ContextValues]) -> ContextValues:
    """Per image the maximum over the texts of a rule (paper: videos with several classes)."""
    return ContextValues(*(_highest(column) for column in zip(*scores, strict=True)))


def _highest(column: Sequence[float | None]) -> float | None:
    values = [value for value in column if value is not None]
    return max(values) if values else None


def _require_score(score: float | None) -> float:
    if score is None:
        raise ValueError("A context in use has no score; such a segment is failed, not fused.")
    return score
