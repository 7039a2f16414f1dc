# ruff: noqa: ANN401  # models and processors of transformers have no types
"""Random vision-language models of real architectures, small enough to build and run in a test."""

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
from pathlib import Path
from typing import Any

import torch
from tiny_tokenizers import END, GRID, IMAGE, PAD, QWEN, SMOL, VIDEO, make_tokenizer
from transformers import (
    CLIPImageProcessor,
    FastVlmConfig,
    FastVlmForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessor,
    LlavaOnevisionProcessor,
    LlavaOnevisionVideoProcessor,
    LlavaProcessor,
    MiniCPMV4_6Config,
    MiniCPMV4_6ForConditionalGeneration,
    MiniCPMV4_6ImageProcessor,
    MiniCPMV4_6Processor,
    MiniCPMV4_6VideoProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)

ARCHITECTURES = ("qwen2_5_vl", "qwen3_vl", "smolvlm", "llava_onevision", "fast_vlm", "minicpmv4_6")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
COLON = (  # SmolVLM's manner: the answer comes after a blank that the opening does not have
    "{% for m in messages %}{{ m['role'] | capitalize }}:"
    "{% if m['content'][0]['type'] != 'image' %}{{ ' ' }}{% endif %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
SIZES: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}


def build_vlm(architecture: str, folder: Path, tokenizer_kind: str = "byte_bpe", **text: Any) -> Path:
    """Write a random model and its processor to ``folder`` and return it; same arguments, same weights."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer(tokenizer_kind, **_ROLES.get(architecture, {}))
    ids = tokenizer.convert_tokens_to_ids
    sizes = {"hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 2048, **SIZES, **text}
    sizes |= {"vocab_size": len(tokenizer), "pad_token_id": ids(PAD), "eos_token_id": ids(END), "bos_token_id": None}
    model, processor = _BUILDERS[architecture](tokenizer, ids, sizes)
    _sharpen(model)
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = ids(END), ids(PAD)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _sharpen(model: torch.nn.Module) -> None:
    """Random heads answer almost evenly; ten times the spread makes mistakes in the readout visible."""
    with torch.no_grad():
        model.lm_head.weight.mul_(10)


def _qwen2_5_vl(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    half = sizes["hidden_size"] // sizes["num_attention_heads"] // 2
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [half // 4, 3 * half // 8, 3 * half // 8]}
    config = Qwen2_5_VLConfig(
        text_config=sizes | {"rope_parameters": rope},
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "window_size": 56,
            "out_hidden_size": sizes["hidden_size"], "patch_size": 14, "spatial_merge_size": 2,
            "temporal_patch_size": 2, "fullatt_block_indexes": [1],
        },
        **_qwen_ids(ids),
    )  # fmt: skip
    images = Qwen2VLImageProcessor(min_pixels=28 * 28 * 4, max_pixels=28 * 28 * 16)
    template = CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    processor = Qwen2_5_VLProcessor(
        _image_token(tokenizer, QWEN[2], images), tokenizer, Qwen2VLVideoProcessor(), template
    )
    return Qwen2_5_VLForConditionalGeneration(config), processor


def _qwen3_vl(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config=sizes | {"rope_parameters": rope, "head_dim": 16},
        vision_config={
            "depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": 16,
            "out_hidden_size": sizes["hidden_size"], "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1],
        },
        **_qwen_ids(ids),
    )  # fmt: skip
    images = Qwen2VLImageProcessor(
        min_pixels=32 * 32 * 4, max_pixels=32 * 32 * 16, patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    template = CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    processor = Qwen3VLProcessor(_image_token(tokenizer, QWEN[2], images), tokenizer, Qwen3VLVideoProcessor(), template)
    return Qwen3VLForConditionalGeneration(config), processor


def _smolvlm(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    config = SmolVLMConfig(
        image_token_id=ids(IMAGE),
        pad_token_id=ids(PAD),
        scale_factor=2,
        text_config=sizes | {"model_type": "llama"},
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 56, "patch_size": 14,
        },
    )  # fmt: skip
    images = SmolVLMImageProcessor(size={"longest_edge": 112}, max_image_size={"longest_edge": 56})
    template = COLON.replace("IMAGE", IMAGE)
    processor = SmolVLMProcessor(images, tokenizer, SmolVLMVideoProcessor(), image_seq_len=4, chat_template=template)
    assert SMOL[0] == processor.fake_image_token
    return SmolVLMForConditionalGeneration(config), processor


def _llava_onevision(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    pinpoints = [[56, 56], [56, 112], [112, 56], [112, 112]]
    config = LlavaOnevisionConfig(
        image_token_index=ids(IMAGE),
        video_token_index=ids(VIDEO),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_grid_pinpoints=pinpoints,
        text_config=sizes | {"model_type": "qwen2"},
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "vision_use_head": False,
        },
    )  # fmt: skip
    processor = LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(size={"height": 56, "width": 56}, image_grid_pinpoints=pinpoints),
        tokenizer=tokenizer,
        video_processor=LlavaOnevisionVideoProcessor(),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=CHATML.replace("IMAGE", "<image>\n"),
        patch_size=14,
    )
    return LlavaOnevisionForConditionalGeneration(config), processor


def _fast_vlm(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    """The class of the demo's own model."""
    config = FastVlmConfig(
        vision_config={
            "model_type": "timm_wrapper", "architecture": "test_resnet", "hidden_size": 96, "do_pooling": False,
            "num_labels": 0,
        },
        text_config=sizes | {"model_type": "qwen2"},
        image_token_index=ids(IMAGE),
        image_seq_length=4,
    )  # fmt: skip
    square = {"height": 64, "width": 64}
    images = CLIPImageProcessor(size=square, crop_size=square, do_center_crop=False, resample=2, do_normalize=False)
    processor = LlavaProcessor(
        images,
        tokenizer,
        patch_size=32,
        vision_feature_select_strategy="full",
        chat_template=CHATML.replace("IMAGE", "<image>\n"),
        image_token=IMAGE,
    )
    return FastVlmForConditionalGeneration(config), processor


def _minicpmv4_6(tokenizer: Any, ids: Any, sizes: dict[str, Any]) -> tuple[Any, Any]:
    """Its language model is a hybrid: three of four layers remember through a linear-attention state."""
    linear = {"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2}
    config = MiniCPMV4_6Config(
        text_config=sizes
        | {"model_type": "qwen3_5_text", "num_hidden_layers": 4, "head_dim": 16, "linear_num_value_heads": 4}
        | linear,
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 56, "patch_size": 14,
        },
        insert_layer_id=0,
        image_size=56,
        image_token_id=ids(IMAGE),
        video_token_id=ids(VIDEO),
    )  # fmt: skip
    processor = MiniCPMV4_6Processor(
        MiniCPMV4_6ImageProcessor(max_slice_nums=1, scale_resolution=112, patch_size=14),
        MiniCPMV4_6VideoProcessor(),
        tokenizer,
        chat_template=CHATML.replace("IMAGE", IMAGE),
    )
    return MiniCPMV4_6ForConditionalGeneration(config), processor


def _qwen_ids(ids: Any) -> dict[str, int]:
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    return {name: ids(token) for name, token in zip(names, QWEN, strict=True)}


def _image_token(tokenizer: Any, token: str, images: Any) -> Any:
    tokenizer.image_token = token  # the processors of the two families ask the tokenizer, which names LLaVA's
    return images


_ROLES = {
    "minicpmv4_6": {
        "video_token": VIDEO,
        "image_start_token": QWEN[0],
        "image_end_token": QWEN[1],
        "slice_start_token": SMOL[0],
        "slice_end_token": SMOL[1],
        "image_id_start_token": GRID[0],
        "image_id_end_token": GRID[1],
    }
}
_BUILDERS = {
    "fast_vlm": _fast_vlm,
    "minicpmv4_6": _minicpmv4_6,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3_vl": _qwen3_vl,
    "smolvlm": _smolvlm,
    "llava_onevision": _llava_onevision,
}
