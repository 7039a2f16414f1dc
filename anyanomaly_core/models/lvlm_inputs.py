"""What a transformers model reads for a batch of (image, prompt) rows, and where each token stands.

A row's prompt is tokenised with the image as one placeholder; only the processor knows how many tokens an image of this
size becomes. ``expand_image`` joins the two: everything up to the image from the processor, the rest from the prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from anyanomaly_core.models.answer_tree import AnswerTree
from anyanomaly_core.models.chat import ChatFormat, Processor
from anyanomaly_core.models.protocols import Image

if TYPE_CHECKING:
    from transformers import BatchFeature, Cache  # seconds to import
    from transformers._typing import GenerativePreTrainedModel


_PER_TOKEN = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One request on its way through a batch."""

    index: int  # of the request
    image: Image
    image_key: int  # equal for equal images
    prompt: str
    token_ids: tuple[int, ...]  # unexpanded
    tree: AnswerTree | None  # None: text is wanted


@dataclass(slots=True)
class DecoderInput:
    """Rows of tokens in front of a decoder, left padded to n columns; the last ``unread`` are still to be read."""

    ids: torch.Tensor  # int64 [R, n]
    mask: torch.Tensor  # int64 [R, n], 0 where padded
    positions: torch.Tensor  # int64 [R, n], or [channels, R, n] for models with positions in several dimensions
    unread: int
    extra: dict[str, torch.Tensor]  # pixels and what belongs to them; empty once they are in the cache
    cache: "Cache | None" = None  # over the first n - unread columns

    def extend(self, ids: torch.Tensor, mask: torch.Tensor) -> "DecoderInput":
        """The same rows followed by ``ids`` [R, k] where ``mask`` [R, k] is 1; what stood here counts as read."""
        steps = mask.cumsum(-1)  # 1-based place of each new token, constant over padding
        positions = self.positions[..., -1:] + steps
        return DecoderInput(
            ids=torch.cat([self.ids, ids], 1),
            mask=torch.cat([self.mask, mask], 1),
            positions=torch.cat([self.positions, positions], -1),
            unread=ids.shape[1],
            extra={},
            cache=self.cache,
        )

    def select(self, rows: torch.Tensor) -> "DecoderInput":
        """Rows ``rows`` (may repeat); the cache is changed in place."""
        if self.cache is not None:
            # the one selection that linear attention layers know as well
            self.cache.reorder_cache(cast("torch.LongTensor", rows))
        return DecoderInput(self.ids[rows], self.mask[rows], self.positions[..., rows, :], self.unread, {}, self.cache)


class InputBuilder:
    """Turns rows into the tensors of a first pass."""

    def __init__(
        self, processor: Processor, chat: ChatFormat, model: "GenerativePreTrainedModel", device: torch.device
    ) -> None:
        self._processor, self._chat, self._model, self._device = processor, chat, model, device
        tokenizer = processor.tokenizer
        self._pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0

    def first_pass(self, rows: Sequence[PromptRow], tails: Sequence[Sequence[int]] | None = None) -> DecoderInput:
        """Everything unread: one image per row, then ``tails`` (default: the rows' own prompts), all unexpanded ids."""
        features = self._features(rows)
        wanted = tails if tails is not None else [row.token_ids for row in rows]
        unexpanded = [self._chat.token_ids(self._chat.prompt_text(row.prompt)) for row in rows]
        processed = [
            [token for token, real in zip(ids, mask, strict=True) if real]
            for ids, mask in zip(features["input_ids"].tolist(), features["attention_mask"].tolist(), strict=True)
        ]
        ids, mask = self.pad([expand_image(e, u, w) for e, u, w in zip(processed, unexpanded, wanted, strict=True)])
        extra = {key: self._to_device(value) for key, value in features.items() if key not in _PER_TOKEN}
        extra |= self._token_types(features, ids)
        return DecoderInput(ids, mask, self._positions(ids, mask, extra), ids.shape[1], extra)

    def pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, int64 [R, n], padded on the left."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self._pad, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, width - len(row) :] = torch.tensor(row)
            mask[i, width - len(row) :] = 1
        return ids.to(self._device), mask.to(self._device)

    def _features(self, rows: Sequence[PromptRow]) -> "BatchFeature":
        texts = [self._chat.prompt_text(row.prompt) for row in rows]
        return self._processor(
            text=texts,
            images=[[row.image] for row in rows],
            padding=True,
            add_special_tokens=self._chat.adds_special_tokens(texts[0]),
            return_tensors="pt",
        )

    def _to_device(self, value: torch.Tensor) -> torch.Tensor:
        dtype = self._model.dtype if value.is_floating_point() else value.dtype
        return value.to(self._device, dtype)

    def _token_types(self, features: "BatchFeature", ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Per token whether it is an image's, under the name the model asks for it."""
        named = [
            key for key in ("mm_token_type_ids", "token_type_ids") if key in features and bool(features[key].any())
        ]
        if not named:
            return {}
        types = self._processor.create_mm_token_type_ids(ids.tolist())
        return {key: torch.tensor(types, device=self._device) for key in named}

    def _positions(self, ids: torch.Tensor, mask: torch.Tensor, extra: dict[str, torch.Tensor]) -> torch.Tensor:
        # The hook `generate` itself uses: plain counting for most models, rows and columns of the image for Qwen-VL.
        known = {"attention_mask": mask, **extra}
        positions: torch.Tensor = self._model._prepare_position_ids_for_generation(ids, known)  # noqa: SLF001
        return positions


def expand_image(processed: Sequence[int], unexpanded: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """``wanted`` with its image placeholder expanded the way ``unexpanded`` became ``processed``.

    Args:
        processed: ids the processor made of a prompt and an image.
        unexpanded: ids of the same prompt with the placeholder.
        wanted: ids of any prompt that is the same up to the placeholder.

    Raises:
        ValueError: when ``wanted`` is not the same up to the placeholder.
    """
    tail = 0
    while tail < min(len(processed), len(unexpanded)) and processed[-1 - tail] == unexpanded[-1 - tail]:
        tail += 1
    head = len(unexpanded) - tail
    if len(wanted) <= head or list(wanted[:head]) != list(unexpanded[:head]):
        raise ValueError("the chat template does not put the image before the text, so prompts cannot share it")
    return [*processed[: len(processed) - tail], *wanted[head:]]
