# ruff: noqa: ANN401  # models and processors of transformers have no types
"""What the images of a segment cost the language models of the built-in profiles, by the real processors."""

from typing import Any

import numpy as np
import pytest

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.protocols import AnswerKind, Request
from anyanomaly_core.models.transformers_lvlm import TransformersLvlm
from anyanomaly_core.models.visual_tokens import check_budget
from anyanomaly_core.profile import load_profile
from tests.benchmarks.bench_visual_tokens import smolvlm2, tokens


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("cpu", [64, 64, 64]),
        ("default", [20 * 20, 7 * 7, 7 * 7]),  # 640 and 224 pixels in patches of 32
        ("paper", [37 * 37, 8 * 8, 8 * 8]),  # 1024 and 224 pixels in patches of 28
        ("demo", [49, 49, 49]),
    ],
)
def test_a_segment_costs_each_profile_what_it_states(profile: str, expected: list[int]) -> None:
    assert tokens(load_profile(profile)) == expected


def test_a_processor_that_cuts_images_into_tiles_is_refused() -> None:
    assert tokens(load_profile("cpu"), as_published=True) == [17 * 64] * 3
    with pytest.raises(ConfigurationError, match=r"(?s)3264 visual tokens .+max_visual_tokens: 192"):
        check_budget(load_profile("cpu"), smolvlm2())


def test_images_are_read_whole_unless_the_profile_asks_for_tiles(load_vlm: Any) -> None:
    from transformers import SmolVLMImageProcessor  # noqa: PLC0415  (after torchvision_compat)

    model, processor = load_vlm("smolvlm")
    request = Request(np.full((40, 40, 3), 90, np.uint8), "Is there a car?", AnswerKind.SCORE)
    read = {}
    for splitting in (True, False):
        processor.image_processor = SmolVLMImageProcessor(
            size={"longest_edge": 112}, max_image_size={"longest_edge": 56}
        )
        lvlm = TransformersLvlm(model, processor, name="tiny", revision="test", image_splitting=splitting)
        answer = lvlm.answer([request])[0]
        assert answer.error is None
        read[splitting] = answer.prompt_tokens
    assert read[True] - read[False] >= 4 * 4  # four tiles more, of four tokens each
