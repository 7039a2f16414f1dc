# ruff: noqa: ANN401  # models and processors of transformers have no types
"""A tiny model that has really learned something: how bright a picture is. It takes a few seconds of training."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tiny_vlms import build_vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

QUESTION = "Rate from 0.0 to 1.0 how bright the picture is."


def picture(brightness: float, seed: int = 0, side: int = 56) -> NDArray[np.uint8]:
    """A noisy grey picture, [side, side, 3]."""
    noise = np.random.default_rng(seed).normal(0, 12, (side, side, 3))
    return np.clip(brightness * 255 + noise, 0, 255).astype(np.uint8)


def teach(folder: Path, architecture: str = "qwen2_5_vl", steps: int = 120, **text: Any) -> Path:
    """Build a random model in ``folder`` and teach it to answer "0.7. A reason." to QUESTION."""
    build_vlm(architecture, folder, **text)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=torch.float32).train()
    with torch.no_grad():
        model.lm_head.weight.div_(10)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    draw = np.random.default_rng(1)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 10, 2 * (steps - step) / steps)
        inputs, labels = _batch(processor, draw)
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(folder)
    return folder


def _batch(processor: Any, draw: np.random.Generator, count: int = 16) -> tuple[Any, torch.Tensor]:
    texts, images, lengths = [], [], []
    for brightness in np.clip(draw.random(count) * 1.6 - 0.3, 0, 1):
        asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
        prompt = processor.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        answer = f"{brightness:.1f}. A {'bright' if brightness > 0.5 else 'dark'} picture.<|im_end|>"
        texts.append(prompt + answer)
        images.append([picture(brightness, int(draw.integers(1 << 30)))])
        lengths.append(len(processor.tokenizer(answer)["input_ids"]))
    processor.tokenizer.padding_side = "right"
    inputs = processor(text=texts, images=images, padding=True, return_tensors="pt")
    labels = torch.full_like(inputs["input_ids"], -100)
    for row, length in enumerate(lengths):
        end = int(inputs["attention_mask"][row].sum())
        labels[row, end - length : end] = inputs["input_ids"][row, end - length : end]
    return inputs, labels
