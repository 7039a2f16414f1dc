"""A start for an image encoder that nobody has trained: every cell of its maps says what fills it.

SAM 2 is published with an encoder that knows what things look like. The demo's begins at random behind its trunk, and
from lists of words alone it would take days to learn it. The rendered world knows the owner of every pixel, so the maps
learn from that first, through linear readings that are thrown away afterwards. No words are involved.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS, UNRELATED_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, RenderedFrame
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.training.rendered import RenderedSource

Say = Callable[[int, int, dict[str, float]], None]
KINDS = (*EVENT_NAMES, "person")
STARTED = "encoder.pt"
OTHERS = 6  # words of things that are not in the world, for each step
SHARPNESS = 4.0  # of the attention of words to features, to begin with
POSITIVE = 3.0  # weight of cells that show a kind, which most do not


@dataclass(frozen=True, slots=True)
class DensePlan:
    """How long, and how fast."""

    seed: int = 44
    steps: int = 800
    word_steps: int = 150
    examples: int = 2  # of a step
    learning_rate: float = 2e-3
    encoder_rate: float = 0.2  # of the trunk, which has learned already
    warm_up: int = 50
    clip_norm: float = 5.0


def start_encoder(
    model: Lavida,
    source: RenderedSource,
    plan: DensePlan,
    out: Path,
    say: Say,
) -> None:
    """Train SAM 2's encoder, its neck and the way of fine maps to the decoder; or read what an earlier run learned.

    Args:
        model: changed in place.
        source: of rendered frames.
        plan: what to do; the same seed gives the same weights.
        out: folder that keeps the result.
        say: is told of each step: done, of how many, its loss.

    Raises:
        ConfigurationError: when the result that is kept is of another plan or of other frames.
    """
    path, made_with = out / STARTED, asdict(plan) | {"frames": len(source)}
    if not path.exists():
        torch.manual_seed(plan.seed)
        _learn(model, source, plan, say)
        out.mkdir(parents=True, exist_ok=True)
        torch.save({"plan": made_with, "weights": model.sam.state_dict()}, out / f"{STARTED}.new")
        (out / f"{STARTED}.new").replace(path)
    body = torch.load(path, weights_only=True, map_location="cpu")
    if body.get("plan") != made_with:
        raise ConfigurationError(f"{path} was made with other settings. Repeat them, or name another folder.")
    model.sam.load_state_dict(body["weights"])


def _learn(model: Lavida, source: RenderedSource, plan: DensePlan, say: Say) -> None:
    # This look, before any step, moves the means of the trunk's batch norms a little. The shipped weights are made so.
    example = model.scene([frame.image for frame in source.rendered(0)])
    readings = nn.ModuleList(nn.Conv2d(level.shape[1], len(KINDS), 1) for level in example.levels)
    for reading in readings:
        nn.init.constant_(reading.bias, -3.0)  # type: ignore[arg-type]  # most cells show nothing
    model.sam.requires_grad_().train()
    trunk = set(model.sam.vision_encoder.backbone.parameters())
    new = [*(weight for weight in model.sam.parameters() if weight not in trunk), *readings.parameters()]
    rates = [plan.learning_rate, plan.learning_rate * plan.encoder_rate]
    optimizer = torch.optim.AdamW([{"params": new}, {"params": list(trunk)}], lr=plan.learning_rate)
    for step in range(plan.steps):
        random = np.random.default_rng((plan.seed, step, 5))
        frames = [f for n in random.integers(len(source), size=plan.examples) for f in source.rendered(int(n))]
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min((step + 1) / plan.warm_up, (plan.steps - step) / (plan.steps - plan.warm_up))
        loss = _dense_loss(model, readings, frames)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_([*new, *trunk], plan.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        say(step + 1, plan.steps, {"dense": float(loss.detach())})


def align_words(model: Lavida, source: RenderedSource, plan: DensePlan, say: Say) -> None:
    """Bring the projector's words and features into one space: close where a cell shows what a word says.

    The attention of words to features begins there as well, so that a word looks where its thing is from the first
    step on. Changed in place; the image encoder is not.
    """
    torch.manual_seed(plan.seed + 1)
    projector = model.eval().projector  # the trunk's batch norms stay as they are
    bias = nn.Parameter(torch.tensor(-3.0))
    weights = [*projector.from_words.parameters(), *projector.from_visual.parameters(), bias]
    optimizer = torch.optim.AdamW(weights, lr=plan.learning_rate)
    for step in range(plan.word_steps):
        random = np.random.default_rng((plan.seed, step, 6))
        frames = [f for n in random.integers(len(source), size=plan.examples) for f in source.rendered(int(n))]
        texts = [str(random.choice(EVENT_TEXTS[name])) for name in EVENT_NAMES]
        others = [str(text) for text in random.choice(UNRELATED_TEXTS, OTHERS, replace=False)]
        words = model.encode_words([*texts, *others])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            scene = model.scene([frame.image for frame in frames])
        seen = projector.from_visual((scene.features + scene.positions).float())  # [n, HW, hidden]
        logits = seen @ projector.from_words(words).T / seen.shape[-1] ** 0.5 + bias  # [n, HW, words]
        shown = functional.interpolate(_shares(frames), scene.levels[-1].shape[-2:], mode="area")
        truth = torch.zeros_like(logits)
        truth[..., : len(EVENT_NAMES)] = shown[:, : len(EVENT_NAMES)].flatten(2).transpose(1, 2)
        loss = _weighted_entropy(logits, truth)
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        say(step + 1, plan.word_steps, {"words": float(loss.detach())})
    attention = projector.words_to_visual
    with torch.no_grad():
        attention.k_proj.weight.copy_(SHARPNESS * attention.q_proj.weight)
        attention.k_proj.bias.zero_()
        attention.q_proj.bias.zero_()


def _dense_loss(model: Lavida, readings: nn.ModuleList, frames: list[RenderedFrame]) -> torch.Tensor:
    """Cross-entropy of the cells of every level, as a mean over levels."""
    with torch.autocast("cpu", torch.bfloat16):
        levels = model.scene([frame.image for frame in frames]).levels
        logits = [reading(level).float() for reading, level in zip(readings, levels, strict=True)]
    truth, losses = _shares(frames), []
    for level in logits:  # fine to coarse
        truth = functional.interpolate(truth, level.shape[-2:], mode="area")  # the share of a cell that is covered
        losses.append(_weighted_entropy(level, truth))
    return torch.stack(losses).mean()


def _weighted_entropy(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    weight = 1 + (POSITIVE - 1) * truth
    return (weight * functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")).mean()


def _shares(frames: list[RenderedFrame]) -> torch.Tensor:
    """[n, kinds, H, W] 1 where a pixel's owner is of a kind."""
    shown = np.stack([_kinds(frame) for frame in frames])  # [n, H, W]
    return torch.from_numpy(shown[:, None] == np.arange(len(KINDS))[:, None, None]).float()


def _kinds(frame: RenderedFrame) -> NDArray[np.int64]:
    """[H, W] the number of the kind of each pixel's owner; that of no kind for nobody's."""
    numbers = np.array([len(KINDS), *(KINDS.index(name) for name in frame.names)], np.int64)
    return numbers[frame.owners]
