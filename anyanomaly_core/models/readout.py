"""The two readouts of a transformers model: text, or the likelihood of the eleven answers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from anyanomaly_core.models.answer_tree import AnswerTree
from anyanomaly_core.models.generated_text import strip_unfinished_word
from anyanomaly_core.models.image_compression import FEATURES
from anyanomaly_core.models.lvlm_inputs import DecoderInput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase  # seconds to import
    from transformers._typing import GenerativePreTrainedModel


def forward(model: "GenerativePreTrainedModel", context: DecoderInput, keep: int = 1) -> torch.Tensor:
    """Read what is unread; logits [R, keep, vocabulary] behind the last ``keep`` tokens. Fills ``context.cache``."""
    output = model(
        input_ids=context.ids[:, -context.unread :],
        attention_mask=context.mask,
        position_ids=context.positions[..., -context.unread :],
        past_key_values=context.cache,
        use_cache=True,
        logits_to_keep=keep,
        **context.extra,
    )
    context.cache = output.past_key_values
    logits: torch.Tensor = output.logits[:, -keep:]
    return logits


def answer_likelihoods(model: "GenerativePreTrainedModel", context: DecoderInput, tree: AnswerTree) -> torch.Tensor:
    """Probability of each of the eleven answers as continuation of each row, float64 [R, 11], rows sum to 1.

    The answer's end is not part of it: "0.5" also covers a model that would go on with a rationale.
    One pass over the rows, and one over the tree's stems (a few tokens) unless every answer is a single token.
    """
    rows = context.ids.shape[0]
    first = _log_probabilities(forward(model, context)[:, 0])  # [R, V]
    behind = _read_stems(model, context, tree).view(rows, len(tree.stems), tree.depth, -1) if tree.stems else None
    totals = torch.zeros((rows, len(tree.steps)), dtype=torch.float64)
    for answer, steps in enumerate(tree.steps):
        for step in steps:
            if step.stem is None or behind is None:
                found = first[:, step.token]
            else:
                found = behind[:, step.stem, step.position, step.token]
            totals[:, answer] += found.double().cpu()
    return totals.softmax(1)


def _read_stems(model: "GenerativePreTrainedModel", context: DecoderInput, tree: AnswerTree) -> torch.Tensor:
    """Log-probabilities behind every token of every stem, [R * stems, depth, V]; stems of a row share its cache."""
    rows, stems = context.ids.shape[0], len(tree.stems)
    device = context.ids.device
    # padded on the right: what stands behind a stem cannot be seen by it
    ids = torch.tensor([[*stem, *[stem[-1]] * (tree.depth - len(stem))] for stem in tree.stems], device=device)
    repeated = context.select(torch.arange(rows, device=device).repeat_interleave(stems))
    ids = ids.repeat(rows, 1)  # [R * stems, depth]
    return _log_probabilities(forward(model, repeated.extend(ids, torch.ones_like(ids)), keep=tree.depth))


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(-1)


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """What a model wrote for one row."""

    text: str  # without control tokens; whole words only where it is cut
    tokens: int  # with the one that ended it
    is_cut: bool  # ended by ``max_new_tokens``, not by the model


def generate_texts(
    model: "GenerativePreTrainedModel",
    context: DecoderInput,
    tokenizer: "PreTrainedTokenizerBase",
    max_new_tokens: int,
    repetition_penalty: float = 1.0,
) -> list[GeneratedText]:
    """Greedy continuation of each row."""
    inputs: dict[str, Any] = {"input_ids": context.ids, "attention_mask": context.mask, **context.extra}
    if context.cache is not None or FEATURES in context.extra:  # else the model finds positions by the picture's size
        inputs |= {"position_ids": context.positions, "past_key_values": context.cache}
    output = model.generate(
        **inputs,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=repetition_penalty,  # stated: some models ship one, which would punish "0.0"
        temperature=None,
        top_p=None,
        top_k=None,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
    )
    new = output[:, context.ids.shape[1] :]
    ends = _end_tokens(model, tokenizer)
    texts = tokenizer.batch_decode(new, skip_special_tokens=True)
    return [_generated_text(text, ids, ends, max_new_tokens) for text, ids in zip(texts, new.tolist(), strict=True)]


def _generated_text(text: str, ids: list[int], ends: set[int], max_new_tokens: int) -> GeneratedText:
    ended_at = next((place + 1 for place, token in enumerate(ids) if token in ends), None)
    is_cut = ended_at is None and len(ids) >= max_new_tokens
    return GeneratedText((strip_unfinished_word(text) if is_cut else text).strip(), ended_at or len(ids), is_cut)


def _end_tokens(model: "GenerativePreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    ends = model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return {token for token in (*listed, tokenizer.eos_token_id) if token is not None}
