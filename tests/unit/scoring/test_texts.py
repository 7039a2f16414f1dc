from dataclasses import replace

import numpy as np
import pytest
from small_models import RandomProjection

from anyanomaly_core.errors import ConfigurationError, RuleError
from anyanomaly_core.profile import ContextSpec
from anyanomaly_core.scoring.class_lists import class_list, class_lists
from anyanomaly_core.scoring.templates import PHOTO_TEMPLATES, TEMPLATES, fill_templates
from anyanomaly_core.scoring.texts import TextBank, benchmark_classes, clean_rule, contrast_classes
from anyanomaly_core.scoring.types import RuleTexts

RULE = RuleTexts(1, "bikes", ("a bicycle", "a bike"), ("a parked bicycle",))


def test_templates() -> None:
    assert len(set(PHOTO_TEMPLATES)) == 21
    assert all(template.count("{}") == 1 for template in PHOTO_TEMPLATES)
    assert fill_templates("a {0} {name}")[0] == "a photo of a {0} {name}"  # braces of a text are not ours


def test_classes_are_the_text_excluded_and_neutral_but_not_the_rules_other_texts() -> None:
    assert contrast_classes("a bicycle", RULE, ("a normal scene", "a bike")) == (
        "a bicycle",
        "a parked bicycle",
        "a normal scene",
    )


def test_cleaning_makes_texts_plain_and_unique() -> None:
    rule = clean_rule(replace(RULE, texts=("a  bike\n", "a bike"), excluded=("x\ty",)))
    assert (rule.texts, rule.excluded) == (("a bike",), ("x y",))


@pytest.mark.parametrize("texts", [(), ("",), ("a bike", " \n")])
def test_rules_without_text_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(RuleError):
        clean_rule(replace(RULE, texts=texts))


def test_each_wording_is_encoded_once_ever(encoder: RandomProjection) -> None:
    bank = TextBank(encoder, ContextSpec())
    bank.embed([RULE, replace(RULE, name="again")])
    assert encoder.text_calls == 1
    bank.embed([RULE])
    bank.embed([replace(RULE, texts=("a bicycle",))])  # its classes are all known
    assert encoder.text_calls == 1
    assert len(encoder.texts_seen) == len(set(encoder.texts_seen))
    bank.embed([replace(RULE, texts=("a dog",), excluded=())])
    assert encoder.text_calls == 2
    assert len(encoder.texts_seen) == len(set(encoder.texts_seen))


def test_class_embeddings_are_the_normalised_mean_over_the_templates(encoder: RandomProjection) -> None:
    embedded = TextBank(encoder, ContextSpec(neutral_texts=("a normal scene",))).embed([RULE])[0]
    assert [own.text for own in embedded] == ["a bicycle", "a bike"]
    mean = encoder.encode_texts(fill_templates("a parked bicycle")).mean(0)
    np.testing.assert_allclose(embedded[0].classes[1], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(embedded[1].plain, encoder.encode_texts(["a bike"])[0], atol=1e-6)


def test_without_position_context_no_templates_are_encoded(encoder: RandomProjection) -> None:
    TextBank(encoder, ContextSpec(position=False)).embed([RULE])
    assert encoder.texts_seen == ["a bicycle", "a bike"]


def test_a_benchmarks_classes_hold_all_texts_of_a_rule() -> None:
    rule = RuleTexts(1, "jumping-stroller", ("jumping", "stroller"))
    classes = benchmark_classes("stroller", rule, class_list("c-shanghaitech"))
    assert classes[0] == "stroller"
    assert len(classes) == 12  # the eleven of the benchmark and the one it lacks
    assert benchmark_classes("jumping", rule, class_list("c-shanghaitech"))[0] == "jumping"
    with pytest.raises(ConfigurationError, match="did you mean 'c-avenue'"):
        TextBank(RandomProjection(), ContextSpec(class_list="c-avenu"))


def test_every_class_list_names_each_class_once() -> None:
    assert len(class_lists()) == 7
    for name in class_lists():
        classes = class_list(name)
        assert len(set(classes)) == len(classes) >= 5
        assert all(line == line.strip() and line for line in classes)


def test_published_templates() -> None:
    published = TEMPLATES["published"]
    assert (len(published), len(set(published))) == (21, 20)
    assert fill_templates("too_close", published)[0] == "a cropped photo of the too_close."


def test_classes_of_the_reference_are_means_of_features(encoder: RandomProjection) -> None:
    contexts = ContextSpec(class_list="c-avenue", templates="published")
    embedded = TextBank(encoder, contexts, reference=True).embed([RULE])[0]
    mean = encoder.text_features(fill_templates("too_close", TEMPLATES["published"])).mean(0)
    place = benchmark_classes("a bicycle", RULE, class_list("c-avenue")).index("too_close")
    np.testing.assert_allclose(embedded[0].classes[place], mean / np.linalg.norm(mean), atol=1e-6)
