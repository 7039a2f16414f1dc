"""The vision-language model through transformers: any image-text-to-text model, batched, on CPU or GPU."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from anyanomaly_core import watchdog
from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.answer_tree import AnswerTree, common_prefix
from anyanomaly_core.models.chat import ChatFormat, Processor
from anyanomaly_core.models.image_compression import check_compressible, compress_images
from anyanomaly_core.models.images import image_problem, limit_side
from anyanomaly_core.models.inference_speed import optimize_for_inference
from anyanomaly_core.models.lvlm_inputs import DecoderInput, InputBuilder, PromptRow
from anyanomaly_core.models.protocols import Answer, AnswerKind, Image, Request
from anyanomaly_core.models.readout import answer_likelihoods, forward, generate_texts
from anyanomaly_core.models.token_compression import compress_tokens
from anyanomaly_core.models.visual_tokens import show_images_whole

if TYPE_CHECKING:
    from transformers._typing import GenerativePreTrainedModel

# Decoders that look only backwards through a plain cache: what they have read of an image serves every prompt about it.
SHARES_IMAGES = frozenset(
    {"fast_vlm", "idefics3", "llava", "llava_onevision", "qwen2_5_vl", "qwen2_vl", "qwen3_vl", "smolvlm"}
)
_LONGEST_ERROR = 500  # characters
_WORTH_SHARING = 0.75  # an extra pass pays when there are at most this many images per row


class TransformersLvlm:
    """One loaded image-text-to-text model; see ``loading.load_lvlm``."""

    def __init__(
        self,
        model: "GenerativePreTrainedModel",
        processor: Processor,
        *,
        name: str,
        revision: str,
        batch_size: int = 16,
        max_new_tokens: int = 50,
        max_image_side: int | None = None,
        image_splitting: bool = False,
        system_prompt: str | None = None,
        repetition_penalty: float = 1.0,
        compression: float | None = None,
    ) -> None:
        self._model, self._processor = model.eval(), processor
        if not image_splitting:
            show_images_whole(processor.image_processor)
        if (vision := getattr(getattr(model, "model", None), "vision_tower", None)) is not None:
            optimize_for_inference(vision)
        processor.tokenizer.padding_side = "left"  # the next token follows the last column in every row
        self._name, self._revision = name, revision
        self._batch_size, self._max_new_tokens, self._max_image_side = batch_size, max_new_tokens, max_image_side
        self._repetition_penalty = repetition_penalty
        self._chat = ChatFormat(processor, system_prompt)
        self._inputs = InputBuilder(processor, self._chat, model, model.device)
        decoder = model.config.get_text_config()
        layers = getattr(decoder, "layer_types", None) or []
        self._shares = model.config.model_type in SHARES_IMAGES and all(kind == "full_attention" for kind in layers)
        self._compress = None if compression is None else partial(compress_tokens, share=compression)
        if compression is not None:
            check_compressible(model, name)
        self._longest = getattr(decoder, "max_position_embeddings", None)

    @property
    def name(self) -> str:
        """The model as the profile calls it."""
        return self._name

    @property
    def revision(self) -> str:
        """Hub commit, or a hash of the directory."""
        return self._revision

    @torch.inference_mode()
    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order.

        A request that cannot be answered (no image, control tokens in the prompt, too long, non-finite output, does not
        fit into GPU memory even alone) gets ``error`` and fails no other. Out of GPU memory halves the batch.

        Raises:
            ModelError: when the likelihood readout is impossible with this model, or the GPU itself has failed.
        """
        answers: dict[int, Answer] = {}
        rows: list[PromptRow] = []
        keys = _DistinctImages(self._max_image_side)
        for index, request in enumerate(requests):
            problem = image_problem(request.image) or self._chat.problem(request.prompt)
            if problem is not None:
                answers[index] = Answer(error=problem)
            else:
                rows.append(self._row(index, request, keys))
        for batch in self._batches(rows):
            answers |= self._answer_batch(batch)
            watchdog.feed()
        return [answers[index] for index in range(len(requests))]

    def _row(self, index: int, request: Request, keys: "_DistinctImages") -> PromptRow:
        key, image = keys.lookup(request.image)
        if request.want is AnswerKind.TEXT:
            ids = self._chat.token_ids(self._chat.prompt_text(request.prompt))
            return PromptRow(index, image, key, request.prompt, ids, None)
        scored = self._chat.answer_prompt(request.prompt)
        return PromptRow(index, image, key, request.prompt, scored.token_ids, scored.tree)

    def _batches(self, rows: list[PromptRow]) -> Iterator[list[PromptRow]]:
        """Rows that go through the model together: one readout, similar lengths, prompts of an image side by side."""
        by_tree: dict[AnswerTree | None, list[PromptRow]] = {}
        for row in rows:
            by_tree.setdefault(row.tree, []).append(row)
        for group in by_tree.values():
            group.sort(key=lambda row: (row.image.shape, row.image_key, len(row.token_ids)))
            start = 0
            while start < len(group):
                yield group[start : start + self._batch_size]
                start += self._batch_size

    def _answer_batch(self, rows: list[PromptRow]) -> dict[int, Answer]:
        try:
            return self._run(rows)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(rows) == 1:
                return {rows[0].index: Answer(error="the model ran out of GPU memory on this one request")}
            self._batch_size = max(1, min(self._batch_size, len(rows)) // 2)
        except ModelError:
            raise
        except Exception as error:  # processors and models raise what they like at a picture they cannot take
            if "CUDA error" in str(error):
                raise ModelError(
                    f"The GPU failed while {self._name} was answering: {error}. Restart the task."
                ) from error
            if len(rows) == 1:  # this one is the culprit
                problem = f"{self._name} could not take this request: {type(error).__name__}: {error}"
                return {rows[0].index: Answer(error=problem[:_LONGEST_ERROR])}
        half = len(rows) // 2
        return self._answer_batch(rows[:half]) | self._answer_batch(rows[half:])

    def _run(self, rows: list[PromptRow]) -> dict[int, Answer]:
        context = self._context(rows)
        lengths = context.mask.sum(1).tolist()
        if self._longest is not None and max(lengths) + self._max_new_tokens > self._longest:
            raise ValueError(f"image and prompt are {max(lengths)} tokens, the model reads {self._longest}")
        tree = rows[0].tree
        if tree is None:
            texts = generate_texts(
                self._model, context, self._processor.tokenizer, self._max_new_tokens, self._repetition_penalty
            )
            return {
                row.index: Answer(
                    text=written.text, is_cut=written.is_cut, prompt_tokens=length, generated_tokens=written.tokens
                )
                for row, length, written in zip(rows, lengths, texts, strict=True)
            }
        likelihoods = answer_likelihoods(self._model, context, tree).tolist()
        return {
            row.index: _distribution(found, length)
            for row, length, found in zip(rows, lengths, likelihoods, strict=True)
        }

    def _context(self, rows: list[PromptRow]) -> DecoderInput:
        """The rows in front of the model; images that several prompts ask about are read first, once each."""
        images = {row.image_key: row for row in rows}
        if not self._shares or len(images) > _WORTH_SHARING * len(rows):
            return self._first_pass(rows)
        heads = {key: _shared_head([row.token_ids for row in rows if row.image_key == key]) for key in images}
        prefix = self._first_pass(list(images.values()), [row.token_ids[: heads[k]] for k, row in images.items()])
        forward(self._model, prefix)
        places = {key: place for place, key in enumerate(images)}
        spread = prefix.select(torch.tensor([places[row.image_key] for row in rows], device=prefix.ids.device))
        return spread.extend(*self._inputs.pad([row.token_ids[heads[row.image_key] :] for row in rows]))

    def _first_pass(self, rows: Sequence[PromptRow], tails: Sequence[Sequence[int]] | None = None) -> DecoderInput:
        full = self._inputs.first_pass(rows, tails)
        return full if self._compress is None else compress_images(self._model, full, self._compress)


def _shared_head(rows: list[tuple[int, ...]]) -> int:
    """How many tokens the rows share, leaving each at least one of its own to read."""
    return min(common_prefix(rows), min(len(row) for row in rows) - 1)


def _distribution(likelihoods: list[float], prompt_tokens: int) -> Answer:
    if not all(0.0 <= p <= 1.0 for p in likelihoods):  # NaN fails this too
        return Answer(error="the model gave probabilities that are not finite; use precision bf16 or fp32")
    return Answer(distribution=tuple(likelihoods), prompt_tokens=prompt_tokens)


class _DistinctImages:
    """Gives equal images the same number, whether or not they are the same array, and shrinks each once."""

    def __init__(self, longest_side: int | None) -> None:
        self._longest_side = longest_side
        self._numbers: dict[int, int] = {}  # by identity: the caller's list keeps the arrays, and so their ids, alive
        self._by_content: dict[tuple[tuple[int, ...], bytes], int] = {}
        self._resized: list[Image] = []

    def lookup(self, image: Image) -> tuple[int, Image]:
        """Number, and the image as the model is to see it."""
        number = self._numbers.get(id(image))
        if number is None:
            content = (image.shape, hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest())
            number = self._by_content.setdefault(content, len(self._by_content))
            self._numbers[id(image)] = number
            if number == len(self._resized):
                self._resized.append(limit_side(image, self._longest_side))
        return number, self._resized[number]
