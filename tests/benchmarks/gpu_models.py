"""Models of real sizes with random weights: speed does not depend on what they have learned, and no hub is needed.

The tokenizer is trained on this project's own pages, so that a prompt has about as many tokens as with a real one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip and transformers

# isort: split
import open_clip
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

ROOT = Path(__file__).parents[2]
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Sizes:
    """Of both models."""

    encoder: str | dict[str, Any]  # an open_clip architecture, or the parameters of a CLIP
    text: dict[str, Any]
    vision: dict[str, Any]


# Qwen2.5-VL-3B-Instruct as its config.json has it; ViT-B/32 is the paper's encoder.
REAL = Sizes(
    "ViT-B-32",
    {
        "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
        "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 128000, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    {
        "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "window_size": 112,
        "out_hidden_size": 2048, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
)  # fmt: skip
TINY = Sizes(
    {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    },
    {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 8192, "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
    },
    {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "window_size": 56,
        "out_hidden_size": 64, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
        "fullatt_block_indexes": [1],
    },
)  # fmt: skip


def build_encoder(sizes: Sizes, device: torch.device, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """An open_clip model with random weights; CLIP's own tokenizer goes with it."""
    torch.manual_seed(3)
    if isinstance(sizes.encoder, str):
        model: Any = open_clip.create_model(sizes.encoder, pretrained=None)
    else:
        model = open_clip.model.CLIP(**sizes.encoder)
        model.visual.preprocess_cfg = {"size": 32, "mean": [0.5] * 3, "std": [0.25] * 3}
    return model.to(device, dtype).eval()


def build_lvlm(sizes: Sizes, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    """A Qwen2.5-VL with random weights, made where it runs, and its processor."""
    tokenizer = _tokenizer(min(8192, sizes.text["vocab_size"]))
    ids = tokenizer.convert_tokens_to_ids
    start, end, image, video = (ids(token) for token in VISION)
    ends = {"pad_token_id": ids(PAD), "eos_token_id": ids(END), "bos_token_id": None}
    config = Qwen2_5_VLConfig(
        text_config=sizes.text | ends,
        vision_config=sizes.vision,
        vision_start_token_id=start,
        vision_end_token_id=end,
        image_token_id=image,
        video_token_id=video,
        tie_word_embeddings=sizes.text.get("tie_word_embeddings", False),
    )
    torch.manual_seed(3)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            model = Qwen2_5_VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = ids(END), ids(PAD)
    processor = Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor(), CHAT)
    return model.eval(), processor


def _tokenizer(most: int) -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.BPE())
    split = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    inner.pre_tokenizer = pre_tokenizers.Sequence(split)
    inner.decoder = decoders.ByteLevel()
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))]
    prompts = (ROOT / "anyanomaly_core" / "scoring" / "prompts.py").read_text(encoding="utf-8")
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [PAD, START, END, *VISION]
    trainer = trainers.BpeTrainer(vocab_size=most - len(special), initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator([*pages, *[prompts] * 5], trainer)
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    names = {"image_token": VISION[2], "video_token": VISION[3]}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=4096,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=names,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.image_token, tokenizer.video_token = VISION[2], VISION[3]
    return tokenizer
