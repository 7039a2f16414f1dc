import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.profile import ContextSpec, ScoringSpec
from anyanomaly_core.scoring.fusion import ContextValues, best_of_texts, fuse, used_weights

score = st.floats(0, 1)


def test_golden_by_hand() -> None:
    weights = used_weights(ScoringSpec(), ContextSpec())
    assert weights == pytest.approx((0.6, 0.3, 0.1))
    assert fuse(ContextValues(0.5, 1.0, 0.2), weights) == pytest.approx(0.3 + 0.3 + 0.02)


def test_weights_of_switched_off_contexts_go_to_the_others() -> None:
    no_temporal = used_weights(ScoringSpec(), ContextSpec(temporal=False))
    assert no_temporal.temporal is None
    assert no_temporal[:2] == pytest.approx((2 / 3, 1 / 3))
    assert fuse(ContextValues(0.9, 0.3, None), no_temporal) == pytest.approx(0.7)
    assert used_weights(ScoringSpec(), ContextSpec(position=False, temporal=False)) == (1.0, None, None)


def test_all_weight_on_what_is_off_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="switched off"):
        used_weights(ScoringSpec(weights=(0.0, 0.0, 1.0)), ContextSpec(temporal=False))


def test_a_missing_score_is_never_read_as_zero() -> None:
    with pytest.raises(ValueError, match="no score"):
        fuse(ContextValues(0.9, None, 0.1), ContextValues(0.6, 0.3, 0.1))


@given(score, score, score, st.tuples(score, score, score).filter(lambda w: sum(w) > 0.01))
def test_fusion_lies_between_its_parts(a: float, b: float, c: float, raw: tuple[float, float, float]) -> None:
    weights = used_weights(ScoringSpec(weights=tuple(w / sum(raw) for w in raw)), ContextSpec())
    fused = fuse(ContextValues(a, b, c), weights)
    assert 0 <= fused <= 1
    assert min(a, b, c) - 1e-9 <= fused <= max(a, b, c) + 1e-9


def test_several_texts_count_by_their_maximum_per_image() -> None:
    assert best_of_texts([ContextValues(0.1, 0.9, None), ContextValues(0.5, 0.2, None)]) == (0.5, 0.9, None)
