"""Stage C: the language model learns to look. Questions about cached image features, exact answers.

The trunk stands still, so its features are computed once. Several questions about one image share its tokens
in one row: a block mask keeps the questions from seeing each other, positions start anew after the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import FastVlmForConditionalGeneration, PreTrainedTokenizerFast

from anyanomaly_core.demo import vocabulary as words
from anyanomaly_core.demo.world import EVENT_NAMES

from .footage import KINDS
from .lvlm import IMAGE_TOKENS
from .parallel import average_gradients, share_start
from .progress import TrainingLog
from .sampling import TrainingBatch
from .tokenizer import END, IMAGE, START
from .trunk import as_input, optimizer_for
from .views import Float
from .wording import question

BRIEF = ('"{}"?', "{}?", 'Rate "{}".', "Rate {} from 0 to 1.", 'Is "{}" in this image?')
"""Questions of the first lessons: short, so that many fit into a step."""

SCORE_WEIGHT = 4.0
"""How much more a digit of the score counts than a word of the reason."""


@dataclass(frozen=True)
class Features:
    """What the trunk saw in many views."""

    cells: torch.Tensor  # float16 [n, image tokens, channels]
    visible: Float  # [n, classes]
    grid: list[bool]


@dataclass(frozen=True)
class TrainingQuestion:
    """One prompt with its answer, as token numbers."""

    prompt: list[int]
    answer: list[int]
    weights: list[float]  # one for each answer token


def cache_features(
    trunk: nn.Module, batches: Iterator[tuple[TrainingBatch, bool]], count: int, progress: TrainingLog | None = None
) -> Features:
    """Run the trunk over `count` batches; each says whether it holds grids."""
    cells, visible, grids = [], [], []
    trunk.eval()
    for step in range(count):
        batch, grid = next(batches)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            seen = trunk.forward_features(as_input(batch.images))  # type: ignore[operator]
        cells.append(seen.flatten(2).transpose(1, 2).half())
        visible.append(batch.visible.numpy())
        grids += [grid] * len(batch.images)
        if progress:
            progress.tell(step + 1, count)
    return Features(torch.cat(cells), np.concatenate(visible), grids)


def score_text(visible: float) -> str:
    """The right score for something that is so much in view."""
    return f"{round(0.9 * min(1.0, visible * 1.1), 1):.1f}" if visible >= 0.1 else "0.0"


class QuestionSampler:
    """Makes questions about a view, with the right answers."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self._tokenizer = tokenizer
        self._rng = np.random.default_rng(seed)

    def ask(self, visible: Float, grid: bool, brief: bool) -> TrainingQuestion:
        """One question about a view that shows the classes this much; `brief` for the first lessons."""
        topic, text, amount = self._subject(visible)
        other = self._any_text(str(self._rng.choice(EVENT_NAMES))) if topic == "unrelated" else self._unrelated()
        if brief:
            prompt, reason = str(self._rng.choice(BRIEF)).format(text), bool(self._rng.random() < 0.3)
            prompt += " Why?" if reason else ""
        else:
            prompt, reason = question(text, grid, other, self._rng)
        return self._encode(prompt, self._answer(topic, amount, reason))

    def _subject(self, visible: Float) -> tuple[str, str, float]:
        """What to ask about, in which words, and how much of it is in view."""
        rng, events = self._rng, visible[: len(EVENT_NAMES)]
        draw = rng.random()
        seen = np.flatnonzero(events >= 0.1)
        if draw < 0.42 and len(seen):
            return self._event(int(rng.choice(seen)), visible)
        if draw < 0.80:
            return self._event(int(rng.choice(np.flatnonzero(events < 0.1))), visible)
        if draw < 0.95:
            return "unrelated", self._unrelated(), 0.0
        people = max(float(visible[KINDS.index(kind)]) for kind in words.PERSON_EVENTS)
        return "person", str(rng.choice(words.PERSON_TEXTS)), people

    def _event(self, number: int, visible: Float) -> tuple[str, str, float]:
        name = EVENT_NAMES[number]
        return name, self._any_text(name), float(visible[number])

    def _any_text(self, name: str) -> str:
        texts = words.EVENT_TEXTS[name]
        # bare nouns come first; they are what people type, and each is a token of its own
        text = str(self._rng.choice(texts[:4] if self._rng.random() < 0.4 else texts))
        return text.capitalize() if self._rng.random() < 0.1 else text

    def _unrelated(self) -> str:
        if self._rng.random() < 0.1:
            letters = self._rng.choice(list("abcdefghijklmnopqrstuvwxyz"), int(self._rng.integers(4, 10)))
            return "".join(letters)
        text = str(self._rng.choice(words.UNRELATED_TEXTS))
        article = self._rng.random() < 0.3 and not text.startswith(("a ", "an "))
        return f"{'an' if text[0] in 'aeiou' else 'a'} {text}" if article else text

    def _answer(self, topic: str, amount: float, reason: bool) -> str:
        score = score_text(amount)
        if not reason:
            return score
        return f"{score}. {words.REASON_ABSENT if score == '0.0' else words.REASONS[topic]}"

    def _encode(self, prompt: str, answer: str) -> TrainingQuestion:
        tokens = self._tokenizer
        asked = tokens.encode(f"\n{prompt}{END}\n{START}assistant\n", add_special_tokens=False)
        answered = tokens.encode(answer + END, add_special_tokens=False)
        weights = [SCORE_WEIGHT, 0.5, SCORE_WEIGHT] + [1.0] * (len(answered) - 3)
        return TrainingQuestion(asked, answered, weights)


@dataclass(frozen=True)
class PackedRow:
    """Some images with a few questions each, packed: one row an image."""

    ids: torch.Tensor  # [rows, length]
    mask: torch.Tensor  # bool [rows, 1, length, length]
    positions: torch.Tensor  # [rows, length]
    targets: torch.Tensor  # [rows, length], -100 where nothing is asked
    weights: torch.Tensor  # [rows, length]


def pack(rows: list[list[TrainingQuestion]], tokenizer: PreTrainedTokenizerFast) -> PackedRow:
    """Put the questions of each image behind its image tokens."""
    head = tokenizer.encode(f"{START}user\n", add_special_tokens=False)
    prefix = head + [int(tokenizer.convert_tokens_to_ids(IMAGE))] * IMAGE_TOKENS  # type: ignore[arg-type]
    length = len(prefix) + max(sum(len(q.prompt) + len(q.answer) for q in row) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    block = torch.full((len(rows), length), -1)  # which question a token belongs to, 0 the image
    positions = torch.zeros(len(rows), length, dtype=torch.long)
    targets = torch.full((len(rows), length), -100)
    weights = torch.zeros(len(rows), length)
    for number, row in enumerate(rows):
        at = len(prefix)
        ids[number, :at], block[number, :at] = torch.tensor(prefix), 0
        positions[number, :at] = torch.arange(at)
        for which, asked in enumerate(row, 1):
            tokens = asked.prompt + asked.answer
            end, first = at + len(tokens), at + len(asked.prompt) - 1
            ids[number, at:end], block[number, at:end] = torch.tensor(tokens), which
            positions[number, at:end] = torch.arange(len(prefix), len(prefix) + len(tokens))
            targets[number, first : end - 1] = torch.tensor(asked.answer)
            weights[number, first : end - 1] = torch.tensor(asked.weights)
            at = end
    same = (block[:, None] == block[:, :, None]) | (block[:, None] == 0)  # [rows, query, key]
    mask = (same & torch.ones(length, length, dtype=torch.bool).tril())[:, None]
    return PackedRow(ids, mask, positions, targets, weights)


def answer_logits(model: FastVlmForConditionalGeneration, cells: torch.Tensor, row: PackedRow) -> torch.Tensor:
    """Logits of the answer tokens of packed questions, in order: [tokens, vocabulary]."""
    core = model.model
    images = core.multi_modal_projector(cells)  # [rows, image tokens, width]
    embedded = core.language_model.embed_tokens(row.ids)
    start = int((row.ids[0] == model.config.image_token_index).nonzero()[0, 0])
    embedded = torch.cat([embedded[:, :start], images.to(embedded.dtype), embedded[:, start + IMAGE_TOKENS :]], 1)
    hidden = core.language_model(
        inputs_embeds=embedded, attention_mask=row.mask, position_ids=row.positions, use_cache=False
    ).last_hidden_state
    logits: torch.Tensor = model.lm_head(hidden[row.targets >= 0]).float()
    return logits


def answer_loss(model: FastVlmForConditionalGeneration, cells: torch.Tensor, row: PackedRow) -> torch.Tensor:
    """Cross entropy of the answers."""
    asked = row.targets >= 0
    with torch.autocast("cpu", torch.bfloat16):
        logits = answer_logits(model, cells, row)
    losses = cross_entropy(logits, row.targets[asked], reduction="none")
    return (losses * row.weights[asked]).sum() / row.weights[asked].sum()


def train_lvlm(
    model: FastVlmForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    features: Features,
    steps: int,
    rate: float,
    seed: int,
    progress: TrainingLog,
    images: int = 16,
    brief: float = 0.5,
) -> None:
    """Learn from cached features; the first `brief` share of the steps has one-line questions only."""
    rng, asker = np.random.default_rng(seed), QuestionSampler(tokenizer, seed)
    model.model.vision_tower.requires_grad_(False)
    share_start(model)
    optimizer = optimizer_for(model, rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(steps):
        chosen = rng.integers(len(features.grid), size=images)
        short = step < brief * steps
        rows = [
            [asker.ask(features.visible[n], features.grid[n], short) for _ in range(8 if short else 3)] for n in chosen
        ]
        loss = answer_loss(model, features.cells[chosen].float(), pack(rows, tokenizer))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress.tell(step + 1, steps, loss=loss.item())
    model.eval()  # type: ignore[no-untyped-call]
