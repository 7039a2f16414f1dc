# ruff: noqa: ANN401  # models and processors of transformers have no types
"""LAVIDA at smoke sizes, with each kind of language model: shapes, compression, what learns, what is stored."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_lavida import SIDE, tiny_lavida

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.lavida.clip_model import LavidaClipModel
from anyanomaly_core.models.lavida.model import REPLY, SEG, Lavida
from anyanomaly_core.models.lavida.projector import ProjectorSizes, SemanticProjector
from anyanomaly_core.models.lavida.trainable import make_trainable, trainable_parameters

ARCHITECTURES = ("fast_vlm", "qwen2_5_vl", "qwen3_vl", "smolvlm")
FRAMES = list(np.random.default_rng(4).integers(0, 255, (3, 48, 64, 3), dtype=np.uint8))
WORDS = ["a car", "running"]


@pytest.fixture
def build(load_vlm: Any) -> Any:
    """Fresh copies: <SEG> is added to the tokenizer, and LoRA wraps layers."""

    def make(architecture: str, **options: Any) -> Lavida:
        lvlm, processor = load_vlm(architecture)
        return tiny_lavida(copy.deepcopy(lvlm), copy.deepcopy(processor), **options)

    return make


@torch.inference_mode()
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_score_for_each_frame_and_each_pixel(architecture: str, build: Any) -> None:
    model = build(architecture)
    found = model(FRAMES, WORDS, with_reply=True)
    assert found.frame_logits.shape == (3,)
    assert found.masks.shape == (3, 3, SIDE // 4, SIDE // 4)
    assert found.pixel_logits().shape == (3, SIDE // 4, SIDE // 4)
    assert found.quality.shape == (3, 3)
    assert torch.isfinite(found.frame_logits).all()
    assert float(found.reply_loss) > 0
    other = model(FRAMES, ["a dog"])
    assert not torch.equal(found.frame_logits, other.frame_logits)  # the words matter
    half = model(FRAMES[:1], WORDS)
    assert half.frame_logits.shape == (1,)  # images are clips of one frame


@torch.inference_mode()
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_compression_of_all_frames_together(architecture: str, build: Any) -> None:
    model = build(architecture)
    whole = model(FRAMES, WORDS)
    seen: list[int] = []
    inner = model.lvlm.model.forward

    def count(*args: Any, **known: Any) -> Any:
        seen.append(known["input_ids"].shape[1])
        return inner(*args, **known)

    model.lvlm.model.forward = count
    model.share = 1.0
    assert torch.equal(model(FRAMES, WORDS).frame_logits, whole.frame_logits)
    model.share = 0.5
    short = model(FRAMES, WORDS)
    assert seen[1] < seen[0]
    assert torch.isfinite(short.frame_logits).all()


@torch.inference_mode()
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_seg_is_read_at_its_own_position(architecture: str, build: Any) -> None:
    """And all of it is what the language model computes by itself: a share of 1 is the identity."""
    model = build(architecture)
    seg, _ = model.read(FRAMES, WORDS)
    ids = model.inputs(FRAMES, WORDS)["input_ids"][0]
    assert int((ids == model.seg_id).sum()) == 1
    assert SEG in REPLY
    inputs = model.inputs(FRAMES, WORDS)
    hidden = model.lvlm.model(**inputs).last_hidden_state[0]
    torch.testing.assert_close(hidden[int((ids == model.seg_id).nonzero()[0])], seg)


@pytest.mark.parametrize("architecture", ["fast_vlm", "qwen2_5_vl"])
def test_a_step_moves_segs_row_and_no_frozen_weight(architecture: str, build: Any, tmp_path: Path) -> None:
    model = make_trainable(build(architecture))
    names = {name for name, _ in trainable_parameters(model)}
    assert any("trainable_tokens" in name for name in names)
    assert not any("vision" in name and "lora" in name for name in names)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    row = model.lvlm.get_input_embeddings()(torch.tensor([model.seg_id])).detach().clone()
    optimizer = torch.optim.AdamW([weight for _, weight in trainable_parameters(model)], lr=1e-2)
    found = model.train()(FRAMES, WORDS, with_reply=True)
    loss = found.frame_logits.sum() + found.masks.mean() + found.quality.sum() + found.reply_loss
    loss.backward()
    optimizer.step()
    changed = {name for name, weight in model.named_parameters() if not torch.equal(before[name], weight)}
    assert changed <= names
    assert not torch.equal(row, model.lvlm.get_input_embeddings()(torch.tensor([model.seg_id])))
    assert {"projector.queries", "sam.mask_decoder.iou_token.weight"} <= changed
    assert any("lora_B" in name for name in changed)
    with torch.inference_mode():
        expected = model.eval()(FRAMES, WORDS)
        model.save_pretrained(tmp_path / "lavida")
        again = Lavida.from_pretrained(tmp_path / "lavida")(FRAMES, WORDS)
    torch.testing.assert_close(again.frame_logits, expected.frame_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(again.masks, expected.masks, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_lists_of_one_clip_are_decoded_together_as_one_by_one(build: Any) -> None:
    model = build("fast_vlm")
    scene, lists = model.scene(FRAMES), [WORDS, ["a dog"], ["smoke", "a bag", "a fight"]]
    read = [model.read(FRAMES, words) for words in lists]
    together = model.decode_lists(scene, [seg for seg, _ in read], lists)
    for found, words, (seg, loss) in zip(together, lists, read, strict=True):
        alone = model.decode(scene, seg, loss, words)
        torch.testing.assert_close(found.frame_logits, alone.frame_logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.masks, alone.masks, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.quality, alone.quality, atol=1e-5, rtol=1e-5)


def test_without_words_the_switch_is_off(build: Any, tmp_path: Path) -> None:
    model = build("fast_vlm", with_words=False)
    assert not model.projector.has_words
    with torch.inference_mode():
        expected = model(FRAMES, WORDS).frame_logits
        model.save_pretrained(tmp_path)
        assert torch.allclose(Lavida.from_pretrained(tmp_path)(FRAMES, WORDS).frame_logits, expected, atol=1e-5)


def test_the_published_projector_has_54_million_parameters() -> None:
    with torch.device("meta"):
        projector = SemanticProjector(ProjectorSizes(), language=3584, visual=256, words=512)
    assert sum(weight.numel() for weight in projector.parameters()) == pytest.approx(54.0e6, rel=0.02)


def test_what_cannot_be_looked_at_is_said(build: Any, tmp_path: Path) -> None:
    model = build("fast_vlm")
    with pytest.raises(ModelError, match="Frame 1 of the clip"):
        model([FRAMES[0], FRAMES[1].astype(np.float32)], WORDS)
    with pytest.raises(ModelError, match="at least one category"):
        model(FRAMES, [])
    with pytest.raises(ModelError, match="holds no LAVIDA model"):
        Lavida.from_pretrained(tmp_path)


@torch.inference_mode()
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_lists_of_words_share_a_clip_and_get_what_each_gets_alone(
    architecture: str, share: float, build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(architecture, share=share)
    expected = [model(FRAMES, words) for words in (WORDS, ["a dog"], WORDS)]
    views: list[int] = []
    scene = model.scene
    monkeypatch.setattr(model, "scene", lambda frames: views.append(len(frames)) or scene(frames))
    found = LavidaClipModel(model, name="tiny", revision="r").score(FRAMES, [WORDS, ["a dog"], WORDS])
    assert views == [3]  # the pictures are looked at once
    for whole, shared in zip(expected, found, strict=True):
        np.testing.assert_allclose(shared.frames, whole.frame_logits.sigmoid(), atol=1e-5)
        np.testing.assert_allclose(shared.pixels, whole.pixel_logits(), atol=1e-4)
