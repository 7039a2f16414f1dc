"""A LAVIDA small enough for a CPU: the demo's language model, a SAM 2 of 256x256 pixels that learns from nothing."""

from pathlib import Path

import torch

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    CLIPTextModel,
    Sam2Config,
    Sam2Model,
)

from anyanomaly_core.errors import ModelError, ModelSetupError
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.models.lavida.projector import ProjectorSizes

SIDE = 256
SIZES = ProjectorSizes(hidden=192, queries=16, blocks=2, heads=6, word_heads=6, mlp=512)
DEMO_LVLM = Path(__file__).parents[1] / "demo" / "weights" / "lvlm"


def small_sam(side: int = SIDE) -> Sam2Model:
    """SAM 2 with random weights, 2 million parameters."""
    widths = [32, 64, 128, 256]
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": widths[0], "num_attention_heads": 1,
        "image_size": [side, side], "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [8, 4, 8, 4],
        "global_attention_blocks": [3],  # not one that pools
        "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    config = Sam2Config(
        vision_config={
            "model_type": "sam2_vision_model", "backbone_config": backbone, "fpn_hidden_size": 64,
            "backbone_channel_list": widths[::-1],
            "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        },
        prompt_encoder_config={"hidden_size": 64, "image_size": side},
        mask_decoder_config={"hidden_size": 64, "mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": 64},
    )  # fmt: skip
    return Sam2Model(config)


def demo_lavida(seed: int) -> Lavida:
    """The model before its training; the same seed gives the same weights.

    Raises:
        ModelSetupError: when the demo's language model is not there.
    """
    if not (DEMO_LVLM / "config.json").is_file():
        raise ModelSetupError(f"The demo's language model is missing ({DEMO_LVLM}); a release carries it.")
    return _put_together(DEMO_LVLM, None, None, seed=seed, sizes=SIZES, share=1.0)


def lavida_of(lvlm: Path, sam: Path, words: Path | None, *, seed: int, share: float) -> Lavida:
    """The published model of parts that lie on this machine: language model, SAM 2, CLIP's text encoder (None: off).

    Raises:
        ModelError: when one cannot be read.
    """
    return _put_together(lvlm, sam, words, seed=seed, sizes=ProjectorSizes(), share=share)


def _put_together(
    lvlm: Path, sam: Path | None, words: Path | None, *, seed: int, sizes: ProjectorSizes, share: float
) -> Lavida:
    torch.manual_seed(seed)
    try:
        return Lavida(
            AutoModelForImageTextToText.from_pretrained(lvlm, local_files_only=True, dtype=torch.float32),
            AutoProcessor.from_pretrained(lvlm, local_files_only=True),  # type: ignore[no-untyped-call]
            small_sam() if sam is None else Sam2Model.from_pretrained(sam, local_files_only=True),
            words=None if words is None else CLIPTextModel.from_pretrained(words, local_files_only=True),
            words_tokenizer=None if words is None else AutoTokenizer.from_pretrained(words, local_files_only=True),
            sizes=sizes,
            share=share,
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"A part of the model cannot be read: {error}") from error
