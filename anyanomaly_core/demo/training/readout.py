"""Reading a score off the language model without writing a word: the likelihood of each of the eleven answers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import FastVlmForConditionalGeneration, PreTrainedTokenizerFast

from .tokenizer import END, START
from .trunk import as_input
from .tuning import TrainingQuestion, answer_logits, pack


def likelihood_scores(
    model: FastVlmForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    images: torch.Tensor,
    prompts: Sequence[Sequence[str]],
) -> torch.Tensor:
    """Expected score of each prompt about its image: uint8 images [n, 3, s, s], n lists of m prompts give [n, m]."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        seen = model.model.vision_tower(as_input(images)).last_hidden_state
    return cell_scores(model, tokenizer, seen.flatten(2).transpose(1, 2), prompts)


def cell_scores(
    model: FastVlmForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    cells: torch.Tensor,
    prompts: Sequence[Sequence[str]],
) -> torch.Tensor:
    """Scores from the trunk's features [n, image tokens, channels]."""
    probe = tokenizer.encode("0.0", add_special_tokens=False)
    asked = [
        [
            TrainingQuestion(
                tokenizer.encode(f"\n{p}{END}\n{START}assistant\n", add_special_tokens=False), probe, [1.0] * 3
            )
            for p in of_one
        ]
        for of_one in prompts
    ]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        logits = answer_logits(model, cells, pack(asked, tokenizer))
    logits = logits.float().view(-1, 3, logits.shape[-1])  # [n * m, the three tokens of "0.0", vocabulary]
    digits = [int(tokenizer.convert_tokens_to_ids(str(digit))) for digit in range(10)]  # type: ignore[arg-type]
    first = logits[:, 0, digits[:2]].softmax(-1)  # "0" or "1"
    tenths = logits[:, 2, digits].softmax(-1)  # after "0."
    below_one = (tenths * torch.arange(10) / 10).sum(-1)
    score = first[:, 0] * below_one + first[:, 1]
    return score.view(len(prompts), -1)
