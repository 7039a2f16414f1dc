"""Stage B: the image-text encoder, an ordinary open_clip directory.

Sigmoid contrastive training as in SigLIP, but every pair of a view and a text has its true label, so a batch
holds no false negatives: two bicycles match the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from open_clip import CustomTextCLIP
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerFast

from anyanomaly_core.demo import vocabulary as words
from anyanomaly_core.demo.world import EVENT_NAMES

from .footage import KINDS
from .parallel import average_gradients, share_start
from .progress import TrainingLog
from .sampling import ENCODER_SIZE, TrainingBatch
from .trunk import ARCHITECTURE, as_input, known_bce, optimizer_for

CONTEXT = 32
EMBEDDING = 128
CLEAN = "canonicalize"  # open_clip's name for: lower case, no punctuation


def model_config(vocabulary_size: int) -> dict[str, object]:
    """open_clip's description of the model."""
    return {
        "embed_dim": EMBEDDING,
        "init_logit_scale": 2.5,
        "init_logit_bias": -4.0,
        "vision_cfg": {
            "timm_model_name": ARCHITECTURE,
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "",
            "image_size": ENCODER_SIZE,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": vocabulary_size,
            "hf_tokenizer_name": "local",
            "tokenizer_kwargs": {"clean": CLEAN},
            "width": 128,
            "heads": 4,
            "layers": 2,
            "pad_id": 0,
            "eos_id": 2,
            "pool_type": "eos",
        },
    }


def new_encoder(trunk: nn.Module, vocabulary_size: int) -> CustomTextCLIP:
    """An untrained encoder on a trained trunk."""
    model = CustomTextCLIP(**model_config(vocabulary_size))
    model.visual.trunk.load_state_dict(trunk.state_dict(), strict=False)
    return model


@dataclass(frozen=True)
class Texts:
    """Texts and, for each, which rule decides whether it is true of a view."""

    texts: list[str]
    topics: list[str]  # an event, "person", "normal", "empty" or "unrelated"


def sample_texts(rng: np.random.Generator) -> Texts:
    """A fresh set of phrasings for one batch."""
    wanted: list[tuple[str, tuple[str, ...], int]] = [(name, words.EVENT_TEXTS[name], 4) for name in EVENT_NAMES]
    wanted += [("person", words.PERSON_TEXTS, 3), ("normal", words.NORMAL_TEXTS, 4), ("empty", words.EMPTY_TEXTS, 2)]
    wanted += [("unrelated", words.UNRELATED_TEXTS, 16)]
    texts, topics = [], []
    for topic, choices, count in wanted:
        for text in rng.choice(np.array(choices, dtype=object), count, replace=False):
            texts.append(fill_template(str(text), rng))
            topics.append(topic)
    return Texts(texts, topics)


def fill_template(text: str, rng: np.random.Generator) -> str:
    """The text, half of the time in one of WinCLIP's photo templates."""
    return str(rng.choice(words.PHOTO_TEMPLATES)).format(text) if rng.random() < 0.5 else text


def class_targets(batch: TrainingBatch, topics: list[str]) -> torch.Tensor:
    """Whether each text is true of each view: [views, texts], -1 where one may argue."""
    visible, present = batch.visible, batch.present
    events = visible[:, : len(EVENT_NAMES)].amax(1)
    people = visible[:, [KINDS.index(kind) for kind in sorted(words.PERSON_EVENTS)]].amax(1)
    columns = {
        "person": _sure(people),
        "normal": _sure(1 - events, low=0.6, high=0.9),
        "empty": _sure(1 - torch.maximum(events, people), low=0.6, high=0.9),
        "unrelated": torch.zeros(len(visible)),
        **{name: present[:, number] for number, name in enumerate(EVENT_NAMES)},
    }
    return torch.stack([columns[topic] for topic in topics], 1)


def _sure(amount: torch.Tensor, low: float = 0.1, high: float = 0.4) -> torch.Tensor:
    return torch.where(amount >= high, 1.0, torch.where(amount <= low, 0.0, torch.full_like(amount, -1.0)))


def encode_ids(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Token numbers as open_clip's own tokenizer class makes them: [n, context]."""
    from open_clip.tokenizer import get_clean_fn

    cleaned = [get_clean_fn(CLEAN)(text) for text in texts]
    ids: torch.Tensor = tokenizer(
        cleaned, max_length=CONTEXT, padding="max_length", truncation=True, return_tensors="pt"
    )["input_ids"]
    return ids


def contrast_loss(model: CustomTextCLIP, batch: TrainingBatch, ids: torch.Tensor, topics: list[str]) -> torch.Tensor:
    """Sigmoid loss over all pairs of a view and a text."""
    with torch.autocast("cpu", torch.bfloat16):
        images = model.visual(as_input(batch.images)).float()
        texts = model.encode_text(ids).float()
    pairs = normalize(images, dim=-1) @ normalize(texts, dim=-1).T  # [views, texts]
    logits = pairs * model.logit_scale.exp() + model.logit_bias
    return known_bce(logits, class_targets(batch, topics), positive=2.0)


def train_encoder(
    model: CustomTextCLIP,
    tokenizer: PreTrainedTokenizerFast,
    batches: Iterator[TrainingBatch],
    steps: int,
    rate: float,
    seed: int,
    progress: TrainingLog,
) -> None:
    """Learn for `steps` batches."""
    rng = np.random.default_rng(seed)
    model.visual.to(memory_format=torch.channels_last)
    share_start(model)
    optimizer = optimizer_for(model, rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(steps):
        texts = sample_texts(rng)
        loss = contrast_loss(model, next(batches), encode_ids(tokenizer, texts.texts), texts.topics)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        progress.tell(step + 1, steps, loss=loss.item(), scale=float(model.logit_scale.exp()))
    model.eval()


def save_encoder(model: CustomTextCLIP, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the directory that `open_clip.create_model_and_transforms("local-dir:...")` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_cfg": {**model_config(len(tokenizer)), "custom_text": True},
        "preprocess_cfg": {
            "size": [ENCODER_SIZE, ENCODER_SIZE],
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
            "interpolation": "bilinear",
            "resize_mode": "squash",
        },
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    half = {n: (w.half() if w.is_floating_point() else w).contiguous() for n, w in model.state_dict().items()}
    save_file(half, folder / "open_clip_model.safetensors")
    tokenizer.save_pretrained(folder)
