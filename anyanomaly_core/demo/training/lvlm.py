"""The small vision-language model: an ordinary transformers image-text-to-text directory.

FastVLM's class, because its vision tower may be any timm network; the tower is the trunk of stage A, the
language model a four-layer Qwen2.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import (
    CLIPImageProcessor,
    FastVlmConfig,
    FastVlmForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from .sampling import LVLM_SIZE
from .tokenizer import CHAT_TEMPLATE, END, IMAGE, PAD
from .trunk import ARCHITECTURE
from .views import STRIDE

WIDTH, LAYERS, HEADS = 128, 4, 4
IMAGE_TOKENS = (LVLM_SIZE // STRIDE) ** 2


def new_lvlm(trunk: nn.Module, tokenizer: PreTrainedTokenizerFast) -> FastVlmForConditionalGeneration:
    """An untrained language model behind a trained trunk."""
    pad, end = tokenizer.convert_tokens_to_ids([PAD, END])  # type: ignore[misc]
    config = FastVlmConfig(
        vision_config={
            "model_type": "timm_wrapper",
            "architecture": ARCHITECTURE,
            "hidden_size": int(trunk.num_features),  # type: ignore[arg-type]
            "do_pooling": False,
            "num_labels": 0,
        },
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 384,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS,
            "max_position_embeddings": 1024,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
            "bos_token_id": None,
            "eos_token_id": end,
            "pad_token_id": pad,
            "initializer_range": 0.05,
        },
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),  # type: ignore[arg-type]
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=True,
    )
    model = FastVlmForConditionalGeneration(config)
    model.model.vision_tower.timm_model.load_state_dict(trunk.state_dict())
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = pad
    model.generation_config.do_sample = False
    return model


def new_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """Pictures squashed to a square of 0..1, one image token for every cell of the feature map."""
    square = {"height": LVLM_SIZE, "width": LVLM_SIZE}
    images = CLIPImageProcessor(
        size=square,
        crop_size=square,
        do_center_crop=False,
        resample=2,  # bilinear
        do_normalize=False,
        image_mean=[0.0, 0.0, 0.0],
        image_std=[1.0, 1.0, 1.0],
    )
    return LlavaProcessor(  # type: ignore[no-untyped-call]
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=STRIDE,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
        image_token=IMAGE,
    )


def save_lvlm(model: FastVlmForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write model and processor in half precision."""
    state = {
        name: weight.half() if weight.is_floating_point() else weight for name, weight in model.state_dict().items()
    }
    half = FastVlmForConditionalGeneration(model.config)
    half.generation_config = model.generation_config
    half.half().load_state_dict(state)  # type: ignore[no-untyped-call]
    half.tie_weights()
    half.config.dtype = torch.float16
    half.save_pretrained(folder)
    new_processor(tokenizer).save_pretrained(folder)
