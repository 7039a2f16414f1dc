"""A good first guess for the language model, so that it looks at the picture from the start.

From random weights a model this small answers from the words alone for thousands of steps. So its first weights
already hold a rough circuit, which training then refines like any other weight:

1. image tokens carry the direction of every class that stage A reads in their cell, words that mostly one class
   uses begin at that class's direction;
2. one head of the first layer lets a word look at image tokens of its own direction, and notes "found";
3. one head of the second layer lets every later token look for words of a class, and copies their "found".
"""

from __future__ import annotations

from collections import Counter

import torch
from torch import nn
from transformers import FastVlmForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.fast_vlm.modeling_fast_vlm import FastVlmMultiModalProjector
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention

from anyanomaly_core.demo import vocabulary as words

from .footage import KINDS
from .lvlm import HEADS, WIDTH

HEAD = WIDTH // HEADS
SLOW = [*range(9, 15), *range(25, 31)]  # dimensions of a head that rotary positions hardly turn
CONSTANT = 15  # another slow one, for matches that hold anywhere


@torch.no_grad()
def connect_trunk(
    model: FastVlmForConditionalGeneration, reading: nn.Conv2d, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Set the first weights of projector, words and two heads."""
    units = torch.linalg.qr(torch.randn(WIDTH, len(KINDS) + 4))[0].T  # orthonormal directions
    classes, (image, text, found, answer) = units[: len(KINDS)], units[len(KINDS) :]
    core = model.model
    _words(core.language_model.embed_tokens.weight, classes, text, tokenizer)
    _projector(core.multi_modal_projector, reading, classes, image)
    for layer in core.language_model.layers:  # quiet layers: what a token is comes first
        nn.init.normal_(layer.self_attn.o_proj.weight, std=0.02)
        nn.init.normal_(layer.mlp.down_proj.weight, std=0.02)
    first, second = (layer.self_attn for layer in core.language_model.layers[:2])
    for part in (first, second):
        for matrix in (part.q_proj, part.k_proj, part.v_proj):
            matrix.weight[:HEAD] *= 0.05
    slow = SLOW[: len(KINDS)]
    first.q_proj.weight[slow], first.k_proj.weight[slow] = classes, classes
    first.q_proj.bias[CONSTANT], first.k_proj.weight[CONSTANT] = 25.0, -text  # words do not look at words
    _carry(first, classes.sum(0), found * 0.3)
    second.q_proj.bias[CONSTANT], second.k_proj.weight[CONSTANT] = 6.0, classes.sum(0) - 3.0 * image
    _carry(second, found, answer * 0.5)


def _carry(attention: Qwen2Attention, read: torch.Tensor, write: torch.Tensor) -> None:
    """The first head moves what it reads along one direction to another."""
    attention.v_proj.weight[0] = read
    attention.o_proj.weight[:, 0] = write


def _words(
    embedding: torch.Tensor, classes: torch.Tensor, text: torch.Tensor, tokenizer: PreTrainedTokenizerFast
) -> None:
    nn.init.normal_(embedding, std=0.1)
    embedding += 2.0 * text
    for token, (kind, share) in _meanings(tokenizer).items():
        embedding[token] += 3.4 * share * classes[KINDS.index(kind)]


def _projector(
    projector: FastVlmMultiModalProjector, reading: nn.Conv2d, classes: torch.Tensor, image: torch.Tensor
) -> None:
    first, second = projector.linear_1, projector.linear_2
    nn.init.normal_(first.weight, std=0.1)
    nn.init.normal_(second.weight, std=0.02)
    first.weight[: len(KINDS)] = 0.5 * reading.weight.flatten(1)
    first.bias[: len(KINDS)] = 0.5 * reading.state_dict()["bias"] + 0.5
    second.weight[:, : len(KINDS)] = 3.4 * classes.T
    second.bias.copy_(4.0 * image)


def _meanings(tokenizer: PreTrainedTokenizerFast) -> dict[int, tuple[str, float]]:
    """Tokens that the texts of one class use more than all other texts together."""
    uses: dict[int, Counter[str]] = {}
    other = (*words.NORMAL_TEXTS, *words.EMPTY_TEXTS, *words.UNRELATED_TEXTS)
    for kind, texts in {**words.EVENT_TEXTS, "person": words.PERSON_TEXTS, "": other}.items():
        for text in texts:
            for written in (text, f" {text}", text.capitalize()):
                for token in tokenizer.encode(written, add_special_tokens=False):
                    uses.setdefault(token, Counter())[kind] += 1
    best = {token: counts.most_common(1)[0] for token, counts in uses.items()}
    shares = {token: (kind, count / uses[token].total()) for token, (kind, count) in best.items()}
    return {token: found for token, found in shares.items() if found[0] and found[1] > 0.6}
