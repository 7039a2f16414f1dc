"""Stage A: the convolutional trunk both models share learns from exact boxes where each class is.

Dense labels make it very sample-efficient: every cell of the feature map says which classes fill it, and the
image as a whole which classes it shows.
"""

from __future__ import annotations

from collections.abc import Iterator

import timm
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from .footage import KINDS
from .parallel import average_gradients, share_start
from .progress import TrainingLog
from .sampling import TrainingBatch

ARCHITECTURE = "test_resnet"


class DenseReader(nn.Module):
    """The trunk with one linear reading of every cell; the reading is thrown away after stage A."""

    def __init__(self, architecture: str = ARCHITECTURE) -> None:
        super().__init__()
        self.trunk = timm.create_model(architecture, num_classes=0, global_pool="avg")
        self.read = nn.Conv2d(self.trunk.num_features, len(KINDS), 1)  # type: ignore[arg-type]
        nn.init.constant_(self.read.bias, -3.0)  # type: ignore[arg-type]  # it has one

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes, cells, cells] of images [n, 3, size, size] in 0..1."""
        logits: torch.Tensor = self.read(self.trunk.forward_features(images))  # type: ignore[operator]
        return logits


def as_input(images: torch.Tensor) -> torch.Tensor:
    """uint8 pixels as the models want them: 0..1, no other normalisation."""
    return images.to(memory_format=torch.channels_last).float() / 255


def pool_cells(logits: torch.Tensor) -> torch.Tensor:
    """One logit a class from the cells: a soft maximum, [n, classes, h, w] -> [n, classes]."""
    return torch.logsumexp(logits.flatten(2).float() * 2, 2) / 2


def known_bce(logits: torch.Tensor, target: torch.Tensor, positive: float = 1.0) -> torch.Tensor:
    """Binary cross entropy where the target is known (not -1)."""
    known = target >= 0
    weight = torch.where(target > 0, positive, 1.0) * known
    loss = binary_cross_entropy_with_logits(logits, target.clamp(min=0), reduction="none")
    return (loss * weight).sum() / known.sum()


def dense_loss(model: DenseReader, batch: TrainingBatch) -> torch.Tensor:
    """How far the cells and the whole are from the labels."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(as_input(batch.images)).float()
    cells = known_bce(logits, batch.cells, positive=3.0)
    return 5.0 * cells + known_bce(pool_cells(logits), batch.present)


def optimizer_for(model: nn.Module, rate: float, decay: float = 0.05) -> torch.optim.AdamW:
    """AdamW without decay on norms and biases."""
    plain = [weight for weight in model.parameters() if weight.requires_grad and weight.ndim < 2]
    decayed = [weight for weight in model.parameters() if weight.requires_grad and weight.ndim >= 2]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def train_trunk(
    model: DenseReader, batches: Iterator[TrainingBatch], steps: int, rate: float, progress: TrainingLog
) -> None:
    """Learn for `steps` batches."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    share_start(model)
    optimizer = optimizer_for(model, rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1, div_factor=10)
    model.train()
    for step in range(steps):
        loss = dense_loss(model, next(batches))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        progress.tell(step + 1, steps, loss=loss.item())
