"""The honest protocol leaves what is unknown out; the reference one is the paper's, checked the slow way."""

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import roc_auc_score

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation import protocols
from anyanomaly_core.evaluation.variants import GROUPS, ablation
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scoring.fusion import used_weights
from tests.unit.evaluation.small_summary import columns


def test_weights_of_no_use_do_not_need_their_image() -> None:
    own = columns(4, slice(0, 2))
    own["temporal"] = np.full(4, np.nan, np.float32)
    assert np.isfinite(protocols.fuse_answers(own, (2 / 3, 1 / 3, 0.0))).all()
    assert np.isnan(protocols.fuse_answers(own, (0.6, 0.3, 0.1))).all()


def test_the_reference_protocol_is_an_exhaustive_search_on_the_labels() -> None:
    videos = []
    for start in (10, 40):
        labels = np.zeros(80, np.int8)
        labels[start : start + 20] = 1
        videos.append((labels, columns(80, slice(start, start + 20))))
    tuned = protocols.optimum_on_labels(videos, single_score=False)
    assert tuned is not None
    truth = np.concatenate([labels for labels, _ in videos])
    best = 0.0
    for sigma, a, b in product(range(1, 30), range(11), range(11)):
        if a + b > 10:
            continue
        parts = [
            a / 10 * own["key"] + b / 10 * own["position"] + (10 - a - b) / 10 * own["temporal"] for _, own in videos
        ]
        smoothed = gaussian_filter1d(np.concatenate(parts).astype(np.float64), sigma)
        best = max(best, roc_auc_score(truth, smoothed))
    assert tuned.auc == pytest.approx(best, abs=1e-6)
    assert protocols.optimum_on_labels([(np.zeros(80, np.int8), videos[0][1])], single_score=True) is None


def test_the_weights_without_a_context_are_those_a_scan_would_use() -> None:
    profile = load_profile("demo")
    found = {variant.name: variant.weights for variant in ablation(profile, ["contexts"])}
    without = profile.contexts.model_copy(update={"temporal": False})
    expected = tuple(weight or 0.0 for weight in used_weights(profile.scoring, without))
    assert found["key frame + position"] == pytest.approx(expected)


def test_every_group_gives_usable_profiles_that_differ() -> None:
    profile = load_profile("demo")
    variants = ablation(profile, list(GROUPS))
    assert len({variant.name for variant in variants}) == len(variants)
    for variant in variants[1:]:
        assert variant.weights is not None or variant.sigma is not None or variant.profile != profile
    with pytest.raises(ConfigurationError, match="no ablation colours"):
        ablation(profile, ["colours"])


def test_lavida_is_not_scored_again_for_what_it_does_not_read() -> None:
    groups = {variant.group for variant in ablation(load_profile("demo-lavida"), list(GROUPS))}
    assert {"lengths", "static", "cascade", "scorers"} <= groups
    assert not groups & {"scales", "strategies", "prompts", "readouts", "answers", "reuse"}
