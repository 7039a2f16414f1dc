"""The training loop: seeded by step, resumable at any checkpoint, with a line now and then of how far it is.

Every step draws its examples from a generator of its own, (seed, step), and so does dropout. A run that is killed and
resumed therefore takes the same steps and has the same loss curve as one that is not.
"""

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.models.lavida.trainable import make_trainable, trainable_parameters
from anyanomaly_core.training.exposure import ExposureSampler
from anyanomaly_core.training.losses import LossWeights, lavida_losses

NAMES = ("focal", "dice", "quality", "frame", "reply", "total")
CHECKPOINT, CURVE, PICTURE = "checkpoint.pt", "losses.csv", "losses.png"


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How long and how; learning rate, decay, warm-up and clipping are the published ones."""

    steps: int = 16_000
    seed: int = 44
    accumulate: int = 4  # examples of a step
    learning_rate: float = 1e-5
    warm_up: int = 100
    clip_norm: float = 1.0
    save_every: int = 200
    whole_sam: bool = False  # its encoder learns as well: one that nobody has trained
    losses: LossWeights = field(default_factory=LossWeights)


def weights_without(names: Sequence[str]) -> LossWeights:
    """The published weights, some switched off.

    Raises:
        ConfigurationError: when there is no such loss.
    """
    if unknown := sorted(set(names) - (set(NAMES) - {"total"})):
        raise ConfigurationError(f"There is no loss {unknown[0]!r}; there are {', '.join(NAMES[:-1])}.")
    return replace(LossWeights(), **dict.fromkeys(names, 0.0))


def train(
    model: Lavida,
    sampler: ExposureSampler,
    plan: TrainingPlan,
    out: Path,
    *,
    stop_after: int | None = None,
    say: Callable[[int, int, dict[str, float]], None] = lambda _done, _total, _losses: None,
) -> Lavida:
    """Train, going on from the checkpoint in ``out`` if there is one; the finished model is written there.

    Args:
        model: untrained, or as it was when the checkpoint's run began.
        sampler: of examples.
        plan: what to do.
        out: folder for checkpoint, curve and model; made if absent.
        stop_after: end after so many steps of this call, as a killed run would; None: go to the end.
        say: is told of each step: done, of how many, its losses.

    Raises:
        ConfigurationError: when the checkpoint is of another plan.
        OSError: when a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)  # LoRA's first weights
    model = make_trainable(model, whole_sam=plan.whole_sam).train()
    for module in model.modules():
        if not any(weight.requires_grad for weight in module.parameters()):
            module.eval()  # what is frozen keeps its running means as well
    weights = [weight for _, weight in trainable_parameters(model)]
    optimizer = torch.optim.AdamW(weights, lr=plan.learning_rate)
    curve: list[dict[str, float]] = []
    done = _resume(model, optimizer, plan, out, curve)
    last = plan.steps if stop_after is None else min(plan.steps, done + stop_after)
    while done < last:
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _rate(done, plan)
        found = _step(model, sampler, plan, done)
        clip_grad_norm_(weights, plan.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        curve.append(found)
        done += 1
        say(done, plan.steps, found)
        if done % plan.save_every == 0 or done == plan.steps:
            _save(model, optimizer, plan, out, curve)
    if done == plan.steps:
        draw_curve(curve, out)
        model.eval().save_pretrained(out / "model")
    return model


def _step(model: Lavida, sampler: ExposureSampler, plan: TrainingPlan, step: int) -> dict[str, float]:
    """Gradients of one step; mean losses."""
    random = np.random.default_rng((plan.seed, step))
    torch.manual_seed(plan.seed * 1_000_003 + step)  # dropout
    total: dict[str, float] = dict.fromkeys(NAMES, 0.0)
    for _ in range(plan.accumulate):
        example = sampler.draw(random)
        output = model(example.frames, example.categories, with_reply=plan.losses.reply > 0)
        masks = torch.from_numpy(example.masks).to(output.masks.device)
        losses = lavida_losses(output, masks, plan.losses)
        torch.autograd.backward(losses["total"] / plan.accumulate)
        for name, loss in losses.items():
            total[name] += float(loss.detach()) / plan.accumulate
    return total


def _rate(step: int, plan: TrainingPlan) -> float:
    """Warm-up, then linearly to 0, as a share of the learning rate."""
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    return (plan.steps - step) / max(1, plan.steps - plan.warm_up)


def _save(
    model: Lavida, optimizer: torch.optim.Optimizer, plan: TrainingPlan, out: Path, curve: list[dict[str, float]]
) -> None:
    """Checkpoint and curve, each there wholly or not at all."""
    body = {
        "plan": asdict(plan),
        "weights": {name: weight.detach() for name, weight in trainable_parameters(model)},
        "optimizer": optimizer.state_dict(),
        "curve": curve,
    }
    torch.save(body, out / f"{CHECKPOINT}.new")
    (out / f"{CHECKPOINT}.new").replace(out / CHECKPOINT)
    with (out / CURVE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["step", *NAMES])
        table.writerows([step, *(f"{row[name]:.6f}" for name in NAMES)] for step, row in enumerate(curve, start=1))


def _resume(
    model: Lavida, optimizer: torch.optim.Optimizer, plan: TrainingPlan, out: Path, curve: list[dict[str, float]]
) -> int:
    """Steps that are done; weights, optimizer and curve as they were then."""
    if not (out / CHECKPOINT).exists():
        return 0
    body = torch.load(out / CHECKPOINT, weights_only=True, map_location="cpu")
    if body["plan"] != asdict(plan):
        raise ConfigurationError(
            f"{out / CHECKPOINT} was begun with other settings ({body['plan']}). Repeat them, or name another folder."
        )
    with torch.no_grad():
        for name, weight in trainable_parameters(model):
            weight.copy_(body["weights"][name])
    optimizer.load_state_dict(body["optimizer"])
    curve.extend(body["curve"])
    return len(curve)


def draw_curve(curve: list[dict[str, float]], out: Path) -> None:
    """The losses as a picture."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(2, 3)
    for name, place in zip(NAMES, axes.ravel(), strict=True):
        place.plot(range(1, len(curve) + 1), [row[name] for row in curve], linewidth=0.8)
        place.set_title(name)
    figure.savefig(out / PICTURE, dpi=120)


class SpokenProgress:
    """A line every few seconds: step, losses, time left."""

    def __init__(self, say: Callable[[str], None], every_s: float = 15.0) -> None:
        self._say, self._every_s = say, every_s
        self._first: tuple[int, float] | None = None
        self._said = 0.0

    def __call__(self, done: int, total: int, losses: dict[str, float]) -> None:
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
