"""Streams of labelled views, rare classes as often as common ones, made in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .footage import KINDS, TrainingFootage, load_footage
from .views import TrainingView, darkened_view, degrade, grid_view, mirror, whole_view, window_view

ENCODER_SIZE = 128
"""Input of the image-text encoder: it sees many windows, so it is small."""
LVLM_SIZE = 224
"""Input of the language model: the size of position contexts and grids."""

ENCODER_MIX = {"whole": 0.35, "window": 0.65}
LVLM_MIX = {"whole": 0.4, "window": 0.2, "grid": 0.2, "darkened": 0.2}


@dataclass(frozen=True)
class TrainingBatch:
    """Views of one size, stacked."""

    images: torch.Tensor  # uint8 [n, 3, size, size]
    visible: torch.Tensor  # [n, classes]
    cells: torch.Tensor  # [n, classes, size / 32, size / 32]

    @property
    def present(self) -> torch.Tensor:
        """1 where a class is well in view, 0 where it is not there, -1 where one may argue: [n, classes]."""
        unsure = torch.full_like(self.visible, -1.0)
        return torch.where(self.visible >= 0.4, 1.0, torch.where(self.visible <= 0.1, 0.0, unsure))


class ViewStream(IterableDataset[TrainingBatch]):
    """An endless, seeded stream of batches of one size."""

    def __init__(
        self,
        folder: Path,
        size: int,
        mix: dict[str, float],
        batch: int,
        seed: int,
        weights: dict[str, float] | None = None,
    ) -> None:
        self.folder, self.size, self.batch, self.seed = folder, size, batch, seed
        self.kinds, self.shares = list(mix), np.array(list(mix.values())) / sum(mix.values())
        # ordinary people come along with everything else
        wanted = [0.2 if kind == "person" else (weights or {}).get(kind, 1.0) for kind in KINDS]
        self.weights = np.array(wanted) / sum(wanted)

    def __iter__(self) -> Iterator[TrainingBatch]:
        """One worker's share of the stream."""
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        footage = load_footage(self.folder)
        by_class = footage.with_kind()
        first_moments = {
            number: sorted({_first_moment(footage, f) for f in frames if f >= len(footage.stills)})
            for number, frames in by_class.items()
        }
        while True:
            views = [self._one(footage, by_class, first_moments, rng) for _ in range(self.batch)]
            yield stack_views(views)

    def _one(
        self,
        footage: TrainingFootage,
        by_class: dict[int, list[int]],
        first_moments: dict[int, list[int]],
        rng: np.random.Generator,
    ) -> TrainingView:
        kind = str(rng.choice(self.kinds, p=self.shares))
        number = int(rng.choice(len(KINDS), p=self.weights))
        if kind == "grid":
            firsts = first_moments[number] if rng.random() < 0.8 and first_moments[number] else footage.moments
            return degrade(grid_view(footage, int(rng.choice(firsts)), self.size, rng), rng)
        frames = by_class[number] if rng.random() < 0.8 and by_class[number] else range(len(footage.boxes))
        frame = int(frames[int(rng.integers(len(frames)))])
        make = {"whole": whole_view, "window": window_view, "darkened": darkened_view}[kind]
        view = degrade(make(footage, frame, self.size, rng), rng)
        return mirror(view) if rng.random() < 0.5 else view


def _first_moment(footage: TrainingFootage, frame: int) -> int:
    start = len(footage.stills)
    return start + (frame - start) // 4 * 4


def stack_views(views: list[TrainingView]) -> TrainingBatch:
    """Views as one batch."""
    return TrainingBatch(
        torch.stack([view.image for view in views]),
        torch.from_numpy(np.stack([view.visible for view in views])).float(),
        torch.from_numpy(np.stack([view.cells for view in views])).float(),
    )


def stream(views: ViewStream, workers: int = 1) -> Iterator[TrainingBatch]:
    """Batches of `views`, made beside the training."""
    loader = DataLoader(views, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
    return iter(loader)
