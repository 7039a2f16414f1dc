"""The honest protocol leaves what is unknown out; the reference one is the paper's, checked the slow way."""

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import roc_auc_score

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation import protocols
from anyanomaly_core.evaluation.labels.ground_truth import UNLABELLED
from anyanomaly_core.evaluation.summary import ANY, AP, AUC, MEAN
from anyanomaly_core.evaluation.variants import GROUPS, UNCHANGED, ablation
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scoring.fusion import used_weights
from tests.unit.evaluation.small_summary import columns, small_summary


def test_unknown_frames_are_left_out_not_zero() -> None:
    labels = np.array([1, 1, 0, 0, UNLABELLED], np.int8)
    scores = np.array([0.9, np.nan, 0.2, np.nan, 0.99], np.float32)
    counted = protocols.counted([(3, labels, scores)])
    assert counted.positive.tolist() == [True, False]
    assert counted.score == pytest.approx([0.9, 0.2])
    assert counted.video.tolist() == [3, 3]


def test_weights_of_no_use_do_not_need_their_image() -> None:
    own = columns(4, slice(0, 2))
    own["temporal"] = np.full(4, np.nan, np.float32)
    assert np.isfinite(protocols.fuse(own, (2 / 3, 1 / 3, 0.0))).all()
    assert np.isnan(protocols.fuse(own, (0.6, 0.3, 0.1))).all()


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


def test_the_search_among_very_many_frames_is_good_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros(80, np.int8)
    labels[10:30] = 1
    videos = [(labels, columns(80, slice(10, 30)))]
    exact = protocols.optimum_on_labels(videos, single_score=True)
    monkeypatch.setattr(protocols, "EXACT_UP_TO", 0)
    binned = protocols.optimum_on_labels(videos, single_score=True)
    assert exact is not None
    assert binned is not None
    assert binned.auc == pytest.approx(exact.auc, abs=2e-3)


def test_every_class_the_mean_and_any_are_measured() -> None:
    summary = small_summary([])
    cat, dog, mean = (summary.find(UNCHANGED, name, AUC) for name in ("cat", "dog", MEAN))
    assert cat is not None
    assert dog is not None
    assert mean is not None
    assert mean.value == pytest.approx((cat.value + dog.value) / 2)
    assert (cat.videos, cat.frames) == (3, 3 * 70 - 24)
    both = summary.find(UNCHANGED, ANY, AP)
    assert both is not None
    assert both.positives == 3 * 40 - 14  # frames 10 to 23 of the last video have no score for the cat


def test_what_could_not_count_is_counted() -> None:
    counts = small_summary([]).counts[UNCHANGED]
    assert (counts.counted, counts.unscored, counts.unlabelled) == (2 * 3 * 70 - 24, 24, 2 * 3 * 10)
    assert counts.rows_failed == 3


def test_an_equal_variant_differs_by_nothing_and_comparisons_are_paired() -> None:
    summary = small_summary(["contexts", "smoothing"])
    for variant in summary.variants[1:]:
        found, base = summary.find(variant.name, MEAN, AUC), summary.find(UNCHANGED, MEAN, AUC)
        assert found is not None
        assert base is not None
        assert found.difference == pytest.approx(found.value - base.value)
        assert found.difference_interval is not None
        assert found.difference_interval.low <= found.difference <= found.difference_interval.high


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
