# ruff: noqa: ANN401  # models and processors of transformers have no types
"""The whole of LAVIDA at sizes for a test, with random weights: plumbing, not quality."""

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
from typing import Any

import torch
from tiny_tokenizers import END, PAD, make_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel, Sam2Config, Sam2Model

from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.models.lavida.projector import ProjectorSizes

SIDE = 128


def tiny_sam() -> Sam2Model:
    """SAM 2 of 128x128 pixels; a block that sees everything must not be one that pools."""
    backbone = {
        "hidden_size": 16, "num_attention_heads": 1, "image_size": [SIDE, SIDE], "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128], "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [8, 4, 8, 4], "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    return Sam2Model(
        Sam2Config(
            vision_config={
                "model_type": "sam2_vision_model", "backbone_config": backbone | {"model_type": "sam2_hiera_det_model"},
                "backbone_channel_list": [128, 64, 32, 16], "fpn_hidden_size": 32,
                "backbone_feature_sizes": [[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2],
            },
            prompt_encoder_config={"hidden_size": 32, "image_size": SIDE},
            mask_decoder_config={
                "hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32,
            },
        )
    )  # fmt: skip


def tiny_words() -> tuple[CLIPTextModel, Any]:
    tokenizer = make_tokenizer("byte_bpe")
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        eos_token_id=tokenizer.convert_tokens_to_ids(END), pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )  # fmt: skip
    return CLIPTextModel(config), tokenizer


def tiny_lavida(lvlm: Any, processor: Any, *, with_words: bool = True, share: float = 1.0) -> Lavida:
    """Same arguments, same weights."""
    torch.manual_seed(11)
    words, tokenizer = tiny_words() if with_words else (None, None)
    sizes = ProjectorSizes(hidden=48, queries=6, blocks=2, heads=4, word_heads=4, mlp=64)
    model = Lavida(lvlm, processor, tiny_sam(), words=words, words_tokenizer=tokenizer, sizes=sizes, share=share)
    return model.eval()
