"""A LAVIDA small enough for a CPU, put together of the demo's other models.

Its language model is the demo's; so is the image encoder of its SAM 2, the convolutional trunk that both of them look
through; and its words are read by the text half of the demo's image-text encoder. What is new begins at random: SAM
2's neck, prompts and mask decoder, and the projector.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    Sam2Config,
    Sam2Model,
)

from anyanomaly_core.errors import ModelError, ModelSetupError
from anyanomaly_core.models.lavida.conv_pyramid import ConvPyramid, ConvPyramidConfig
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.models.lavida.projector import ProjectorSizes

SIDE, WIDTH = 320, 128  # of SAM 2's input, of its features
SIZES = ProjectorSizes(hidden=192, queries=16, blocks=2, heads=6, word_heads=6, mlp=512)
_WEIGHTS = Path(__file__).parents[1] / "demo" / "weights"
DEMO_LVLM, DEMO_ENCODER = _WEIGHTS / "lvlm", _WEIGHTS / "encoder"


def small_sam(side: int = SIDE) -> Sam2Model:
    """SAM 2 with random weights behind a convolutional encoder, 1.6 million parameters."""
    backbone = ConvPyramidConfig()
    config = Sam2Config(
        vision_config={
            "model_type": "sam2_vision_model", "backbone_config": backbone.to_dict(), "fpn_hidden_size": WIDTH,
            "backbone_channel_list": ConvPyramid(backbone).channels[::-1],
            "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
            "fpn_top_down_levels": [0, 1, 2, 3],  # fine levels as well learn what the coarse ones know
        },
        prompt_encoder_config={"hidden_size": WIDTH, "image_size": side},
        mask_decoder_config={
            "hidden_size": WIDTH, "mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": WIDTH,
        },
    )  # fmt: skip
    return Sam2Model(config)


def demo_sam(lvlm: Any) -> Sam2Model:  # noqa: ANN401  # transformers has no type for it
    """The same, looking through the language model's trunk."""
    sam = small_sam()
    trunk = lvlm.model.vision_tower.timm_model.state_dict()
    sam.vision_encoder.backbone.network.load_state_dict(trunk)
    return sam


def demo_words() -> CLIPTextModel:
    """The text half of the demo's image-text encoder: open_clip's layers, in transformers' names."""
    settings = json.loads((DEMO_ENCODER / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]["text_cfg"]
    width, heads, layers = settings["width"], settings["heads"], settings["layers"]
    model = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=settings["vocab_size"], hidden_size=width, intermediate_size=4 * width,
            num_hidden_layers=layers, num_attention_heads=heads, max_position_embeddings=settings["context_length"],
            hidden_act="gelu", eos_token_id=settings["eos_id"], pad_token_id=settings["pad_id"],
        )
    )  # fmt: skip
    stored = load_file(DEMO_ENCODER / "open_clip_model.safetensors")
    given = {name.removeprefix("text."): w.float() for name, w in stored.items() if name.startswith("text.")}
    state = {
        "embeddings.token_embedding.weight": given["token_embedding.weight"],
        "embeddings.position_embedding.weight": given["positional_embedding"],
        "final_layer_norm.weight": given["ln_final.weight"],
        "final_layer_norm.bias": given["ln_final.bias"],
    }
    parts = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2",
             "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}  # fmt: skip
    for layer in range(layers):
        old, new = f"transformer.resblocks.{layer}", f"encoder.layers.{layer}"
        for kind in ("weight", "bias"):
            state |= {f"{new}.{to}.{kind}": given[f"{old}.{name}.{kind}"] for name, to in parts.items()}
            for name, part in zip("qkv", given[f"{old}.attn.in_proj_{kind}"].chunk(3), strict=True):
                state[f"{new}.self_attn.{name}_proj.{kind}"] = part
    model.load_state_dict(state)
    return model


def demo_lavida(seed: int) -> Lavida:
    """The model before its training; the same seed gives the same weights.

    Raises:
        ModelSetupError: when the demo's models are not there.
    """
    for part in (DEMO_LVLM / "config.json", DEMO_ENCODER / "open_clip_config.json"):
        if not part.is_file():
            raise ModelSetupError(f"A demo model is missing ({part.parent}); a release carries it.")
    torch.manual_seed(seed)
    lvlm, processor = _language_model(DEMO_LVLM)
    tokenizer = AutoTokenizer.from_pretrained(DEMO_ENCODER, local_files_only=True)
    return Lavida(lvlm, processor, demo_sam(lvlm), words=demo_words(), words_tokenizer=tokenizer, sizes=SIZES)


def lavida_of(lvlm: Path, sam: Path, words: Path | None, *, seed: int, share: float) -> Lavida:
    """The published model of parts that lie on this machine: language model, SAM 2, CLIP's text encoder (None: off).

    Raises:
        ModelError: when one cannot be read.
    """
    torch.manual_seed(seed)
    try:
        return Lavida(
            *_language_model(lvlm),
            Sam2Model.from_pretrained(sam, local_files_only=True),
            words=None if words is None else CLIPTextModel.from_pretrained(words, local_files_only=True),
            words_tokenizer=None if words is None else AutoTokenizer.from_pretrained(words, local_files_only=True),
            sizes=ProjectorSizes(),
            share=share,
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"A part of the model cannot be read: {error}") from error


def _language_model(folder: Path) -> tuple[Any, Any]:
    """Model and processor."""
    return (
        AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=torch.float32),
        AutoProcessor.from_pretrained(folder, local_files_only=True),  # type: ignore[no-untyped-call]
    )
