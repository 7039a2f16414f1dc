"""Profiles that take what the authors set by data set."""

import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.published_setup import LISTS, apply_published_setup
from anyanomaly_core.evaluation.variants import ablation
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scoring.class_lists import class_lists

TEXTS = {"too_close": ("too close",), "throwing-too_close": ("throwing", "too close"), "running": ("a person runs",)}


def test_c_avenue_has_its_classes_its_window_and_its_spelling() -> None:
    archive, profile = apply_published_setup(LabelledArchive("avenue", TEXTS, ()), load_profile("paper"))
    assert profile.contexts.class_list == "c-avenue"
    assert profile.contexts.window_sizes == (48, 80, 240)
    assert archive.texts == {
        "too_close": ("too_close",),
        "throwing-too_close": ("throwing", "too_close"),
        "running": ("a person runs",),  # somebody's own words stay
    }
    _, other = apply_published_setup(LabelledArchive("shtech", TEXTS, ()), load_profile("paper"))
    assert (other.contexts.class_list, other.contexts.window_sizes) == ("c-shanghaitech", (48, 80, 120))


def test_other_profiles_and_other_archives() -> None:
    archive = LabelledArchive("yard", TEXTS, ())
    assert apply_published_setup(archive, load_profile("demo")) == (archive, load_profile("demo"))
    with pytest.raises(ConfigurationError, match="none are known for yard"):
        apply_published_setup(archive, load_profile("paper"))
    assert set(LISTS.values()) <= set(class_lists())


def test_the_papers_reading_of_answers_is_an_ablation() -> None:
    variants = ablation(load_profile("demo"), ["answers"])
    assert variants[1].profile.scoring.answers == "first_number"
