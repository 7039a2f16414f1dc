"""The scorer with real (random-weight) models: a CLIP of open_clip and an image-text-to-text model of transformers."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from naive_paper import NaivePaper

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip and transformers
from anyanomaly_core.models.open_clip_encoder import OpenClipEncoder
from anyanomaly_core.models.protocols import ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.models.transformers_lvlm import TransformersLvlm
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.types import RuleTexts, Status

sys.path.append(str(Path(__file__).parents[1] / "models"))  # tiny models are built there
from tiny_vlms import build_vlm

RULES = [RuleTexts(1, "bikes", ("a bicycle",)), RuleTexts(2, "acts", ("jumping", "falling"), ("sitting",))]


@pytest.fixture(scope="module")
def real_encoder() -> ImageTextEncoder:
    import open_clip  # noqa: PLC0415  # after torchvision_compat

    torch.manual_seed(0)
    model = open_clip.model.CLIP(
        embed_dim=16,
        vision_cfg={"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        text_cfg={"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    )
    open_clip.model.set_model_preprocess_cfg(model, {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4), "size": 32})
    tokenizer = open_clip.tokenizer.SimpleTokenizer(context_length=24)
    return OpenClipEncoder(model, tokenizer, name="tiny", revision="0", device=torch.device("cpu"))


@pytest.fixture(scope="module")
def real_lvlm(tmp_path_factory: pytest.TempPathFactory) -> VisionLanguageModel:
    from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: PLC0415  # after torchvision_compat

    folder = build_vlm("smolvlm", tmp_path_factory.mktemp("smolvlm"), "byte_bpe")
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    return TransformersLvlm(model.eval(), processor, name="tiny", revision="0", max_new_tokens=6)


def test_batched_scores_are_those_of_the_plain_loop(
    make_profile: Callable[..., Any],
    make_segments: Callable[..., Any],
    real_encoder: ImageTextEncoder,
    real_lvlm: VisionLanguageModel,
) -> None:
    profile, segments = make_profile(contexts={"window_sizes": (80, 120)}), make_segments(11, 8)
    rows = AnyAnomalyScorer(profile, real_encoder, real_lvlm).score(segments, RULES)
    naive = NaivePaper(profile, real_encoder, real_lvlm)
    for row, (segment, rule) in zip(rows, [(s, r) for s in segments for r in RULES], strict=True):
        expected = naive.score(segment, rule)
        assert row.status is Status.SCORED
        got = (row.score, row.key_score, row.position_score, row.temporal_score)
        assert got == pytest.approx((expected.score, expected.key, expected.position, expected.temporal), abs=1e-3)
        assert (row.key_frame, row.window) == (expected.key_frame, expected.window)


def test_the_same_input_gives_the_same_rows(
    make_profile: Callable[..., Any],
    make_segments: Callable[..., Any],
    real_encoder: ImageTextEncoder,
    real_lvlm: VisionLanguageModel,
) -> None:
    profile = make_profile(contexts={"window_sizes": (120,)}, scoring={"rationale_threshold": 0.0})
    first, second = (
        [
            dataclasses.replace(row, timings_ms={})
            for row in AnyAnomalyScorer(profile, real_encoder, real_lvlm).score(make_segments(9, 8), RULES)
        ]
        for _ in range(2)
    )
    assert first == second


def test_babble_is_failed_with_the_raw_answer_never_scored(
    make_profile: Callable[..., Any],
    make_segments: Callable[..., Any],
    real_encoder: ImageTextEncoder,
    real_lvlm: VisionLanguageModel,
) -> None:
    profile = make_profile(contexts={"window_sizes": (240,)}, scoring={"readout": "generate"})
    for row in AnyAnomalyScorer(profile, real_encoder, real_lvlm).score(make_segments(8, 8), RULES):
        if row.status is Status.FAILED:
            assert row.score is None
            assert row.reason
            assert row.raw_answer is not None
        else:
            assert 0 <= (row.score or 0) <= 1
