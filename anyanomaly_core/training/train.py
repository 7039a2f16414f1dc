"""The training loop: seeded by step, resumable at any checkpoint, with a line now and then of how far it is.

Every step draws its examples from a generator of its own, (seed, step), and so does dropout. A run that is killed and
resumed therefore takes the same steps and has the same loss curve as one that is not.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.lavida.model import ClipOutput, Lavida
from anyanomaly_core.models.lavida.trainable import make_trainable, trainable_parameters
from anyanomaly_core.training.curves import write_curves
from anyanomaly_core.training.exposure import Example, ExposureSampler
from anyanomaly_core.training.losses import lavida_losses
from anyanomaly_core.training.plan import LOSSES, TrainingPlan

CHECKPOINT = "checkpoint.pt"
Figures = dict[str, float]
Say = Callable[[int, int, Figures], None]


def _silent(_done: int, _total: int, _losses: Figures) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class HeldOutCheck:
    """Figures on held-out footage between steps. They are written down; nothing is chosen by them."""

    every: int  # steps
    measure: Callable[[Lavida], Figures]


@dataclass(slots=True)
class _Progress:
    """What a checkpoint keeps beside the weights."""

    losses: list[Figures] = field(default_factory=list)  # of each step
    held_out: dict[int, Figures] = field(default_factory=dict)  # by step


def train(
    model: Lavida,
    sampler: ExposureSampler,
    plan: TrainingPlan,
    out: Path,
    *,
    check: HeldOutCheck | None = None,
    stop_after: int | None = None,
    say: Say = _silent,
) -> Lavida:
    """Train, going on from the checkpoint in ``out`` if there is one; the finished model is written there.

    Args:
        model: untrained, or as it was when the checkpoint's run began.
        sampler: of examples.
        plan: what to do.
        out: folder for checkpoint, curves and model; made if absent.
        check: on held-out footage between steps; None: none.
        stop_after: end after so many steps of this call, as a killed run would; None: go to the end.
        say: is told of each step: done, of how many, its losses.

    Raises:
        ConfigurationError: when the checkpoint is of another plan.
        OSError: when a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)  # LoRA's first weights
    model = _learning(make_trainable(model, whole_sam=plan.whole_sam))
    weights = [weight for _, weight in trainable_parameters(model)]
    optimizer = torch.optim.AdamW(_groups(model, plan))
    progress = _resume(model, optimizer, plan, out)
    done = len(progress.losses)
    last = plan.steps if stop_after is None else min(plan.steps, done + stop_after)
    while done < last:
        for group in optimizer.param_groups:
            group["lr"] = group["highest"] * plan.rate(done)
        found = _step(model, sampler, plan, done)
        clip_grad_norm_(weights, plan.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress.losses.append(found)
        done += 1
        say(done, plan.steps, found)
        if check is not None and done % check.every == 0:
            progress.held_out[done] = check.measure(model.eval())
            _learning(model)
        if done % plan.save_every == 0 or done == plan.steps:
            _save(model, optimizer, plan, out, progress)
    if done == plan.steps:
        model.eval().save_pretrained(out / "model", dtype=torch.float16)
    return model


def _learning(model: Lavida) -> Lavida:
    """Ready for a step; what is frozen keeps its running means as well."""
    model.train()
    for module in model.modules():
        if not any(weight.requires_grad for weight in module.parameters()):
            module.eval()
    return model


def _step(model: Lavida, sampler: ExposureSampler, plan: TrainingPlan, step: int) -> Figures:
    """Gradients of one step; mean losses."""
    random = np.random.default_rng((plan.seed, step))
    torch.manual_seed(plan.seed * 1_000_003 + step)  # dropout
    total: Figures = dict.fromkeys(LOSSES, 0.0)
    words_alone = step < plan.words_first
    lists = 2 * plan.lists if words_alone else plan.lists
    for _ in range(plan.accumulate):
        examples = sampler.draw(random, lists)
        outputs = _look(model, plan, examples, words_alone=words_alone)
        losses = [
            lavida_losses(output, torch.from_numpy(example.masks).to(output.masks.device), plan.losses)
            for output, example in zip(outputs, examples, strict=True)
        ]
        whole = torch.stack([loss["total"] for loss in losses]).sum()
        torch.autograd.backward(whole / (plan.accumulate * lists))
        for loss in losses:
            for name, value in loss.items():
                total[name] += float(value.detach()) / (plan.accumulate * lists)
    return total


def _look(model: Lavida, plan: TrainingPlan, examples: Sequence[Example], *, words_alone: bool) -> list[ClipOutput]:
    """What the model makes of the lists of one clip."""
    frames, lists = examples[0].frames, [example.categories for example in examples]
    device = model.sam.no_memory_embedding.device.type
    with torch.autocast(device, torch.bfloat16, enabled=plan.bfloat16):
        with torch.set_grad_enabled(not words_alone):
            scene = model.scene(frames)
        if words_alone:  # what the language model would say is missing: zeros
            seg: torch.Tensor = scene.features.new_zeros(model.projector.from_language.in_features)
            return model.decode_lists(scene, [seg] * len(lists), lists)
        read = [model.read(frames, words, with_reply=plan.losses.reply > 0) for words in lists]
        found = model.decode_lists(scene, [seg for seg, _ in read], lists)
    return [replace(output, reply_loss=loss) for output, (_, loss) in zip(found, read, strict=True)]


def _groups(model: Lavida, plan: TrainingPlan) -> list[dict[str, Any]]:
    """What learns, with the highest rate of each part."""
    parts: tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]] = ([], [])
    for name, weight in trainable_parameters(model):
        parts[name.startswith("sam.vision_encoder.backbone")].append(weight)
    rates = zip(parts, (plan.learning_rate, plan.learning_rate * plan.encoder_rate), strict=True)
    return [{"params": weights, "lr": rate, "highest": rate} for weights, rate in rates if weights]


def _save(model: Lavida, optimizer: torch.optim.Optimizer, plan: TrainingPlan, out: Path, progress: _Progress) -> None:
    """Checkpoint and curves, each there wholly or not at all."""
    body = {
        "plan": asdict(plan),
        "weights": {name: weight.detach() for name, weight in trainable_parameters(model)},
        "optimizer": optimizer.state_dict(),
        "curve": progress.losses,
        "held_out": progress.held_out,
    }
    torch.save(body, out / f"{CHECKPOINT}.new")
    (out / f"{CHECKPOINT}.new").replace(out / CHECKPOINT)
    write_curves(progress.losses, progress.held_out, out)


def _resume(model: Lavida, optimizer: torch.optim.Optimizer, plan: TrainingPlan, out: Path) -> _Progress:
    """What is done; weights and optimizer as they were then."""
    if not (out / CHECKPOINT).exists():
        return _Progress()
    body = torch.load(out / CHECKPOINT, weights_only=True, map_location="cpu")
    if body["plan"] != asdict(plan):
        raise ConfigurationError(
            f"{out / CHECKPOINT} was begun with other settings ({body['plan']}). Repeat them, or name another folder."
        )
    with torch.no_grad():
        for name, weight in trainable_parameters(model):
            weight.copy_(body["weights"][name])
    optimizer.load_state_dict(body["optimizer"])
    return _Progress(body["curve"], body["held_out"])


class ProgressPrinter:
    """A line every few seconds: step, losses, time left."""

    def __init__(self, say: Callable[[str], None], every_s: float = 15.0) -> None:
        self._say, self._every_s = say, every_s
        self._first: tuple[int, float] | None = None
        self._said = 0.0

    def __call__(self, done: int, total: int, losses: Figures) -> None:
        """One more step is done."""
        now = time.monotonic()
        self._first = self._first or (done, now)
        if now - self._said < self._every_s and done < total:
            return
        self._said = now
        rate = (now - self._first[1]) / max(1, done - self._first[0])
        left = f", about {rate * (total - done) / 60:.0f} minutes left" if done > self._first[0] else ""
        shown = " ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
        self._say(f"Step {done} of {total}{left}: {shown}")
