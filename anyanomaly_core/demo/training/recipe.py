"""The whole training, stage by stage. A stage whose result lies in the folder is not done again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from .encoder import new_encoder, save_encoder, train_encoder
from .footage import render_footage
from .lvlm import new_lvlm, save_lvlm
from .progress import TrainingLog
from .sampling import ENCODER_MIX, ENCODER_SIZE, LVLM_MIX, LVLM_SIZE, TrainingBatch, ViewStream, stream
from .tokenizer import caption_tokenizer, chat_tokenizer
from .trunk import DenseReader, train_trunk
from .tuning import Features, cache_features, train_lvlm
from .wiring import connect_trunk

PROCESSES = 2
WEAK = {"running": 2.5, "lying": 2.0, "fighting": 1.4, "bicycle": 1.3, "bag": 1.2, "dog": 1.1}
"""Classes the trunk meets more often once it knows the others."""


@dataclass(frozen=True)
class Recipe:
    """How much of everything."""

    seed: int = 7
    stills: int = 8000
    moments: int = 2400
    small_steps: int = 3000  # stage A, 128 pixels only
    trunk_steps: int = 5000  # stage A at both sizes
    large_steps: int = 4000  # then at 224 pixels only, weak classes more often
    encoder_steps: int = 1400
    cached_views: int = 13_440  # for each process
    lvlm_steps: int = 2400

    def scaled(self, share: float) -> Recipe:
        """A smaller recipe, with less of everything."""
        counts = {name: max(2, round(value * share)) for name, value in vars(self).items() if name != "seed"}
        return replace(self, **counts)


@dataclass(frozen=True)
class Stage:
    """What one process of a stage needs to know."""

    recipe: Recipe
    work: Path
    out: Path
    rank: int

    def seed(self, stage: int) -> int:
        """A seed for this stage and process."""
        return self.recipe.seed * 1000 + stage * 10 + self.rank

    def saves(self, save: Callable[[], None]) -> Callable[[int], None] | None:
        """Only the first process writes."""
        return (lambda _: save()) if self.rank == 0 else None


def train_all(recipe: Recipe, out: Path, work: Path) -> None:
    """Render, then stages A to C."""
    out.mkdir(parents=True, exist_ok=True)
    if not (work / "boxes.json").exists():
        render_footage(work, recipe.stills, recipe.moments, recipe.seed * 1_000_000, PROCESSES)
    for stage, result in ((_trunk, "trunk.pt"), (_large_trunk, "large.pt"), (_encoder, "encoder"), (_lvlm, "lvlm")):
        if not (out / result).exists():
            _in_processes(stage, recipe, work, out)


def _in_processes(stage: Callable[[Stage], None], recipe: Recipe, work: Path, out: Path) -> None:
    meeting = out / "meeting"
    meeting.unlink(missing_ok=True)
    spawn(_one_process, (stage, recipe, work, out, meeting), nprocs=PROCESSES)  # type: ignore[no-untyped-call]


def _one_process(
    rank: int, stage: Callable[[Stage], None], recipe: Recipe, work: Path, out: Path, meeting: Path
) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting.resolve()}", rank=rank, world_size=PROCESSES)
    here = Stage(recipe, work, out, rank)
    torch.manual_seed(here.seed(0))
    stage(here)
    dist.destroy_process_group()


def _trunk(stage: Stage) -> None:
    """Stage A: small views first, then both sizes."""
    recipe, model = stage.recipe, DenseReader()
    small = stream(ViewStream(stage.work, ENCODER_SIZE, ENCODER_MIX, 32, stage.seed(1)))
    large = stream(ViewStream(stage.work, LVLM_SIZE, LVLM_MIX, 16, stage.seed(2)))

    def batches() -> Iterator[TrainingBatch]:
        for step in range(recipe.trunk_steps):
            yield next(small if step < recipe.small_steps or step % 5 < 2 else large)

    _learn_trunk(stage, model, batches(), recipe.trunk_steps, 4e-3, "trunk.pt")


def _large_trunk(stage: Stage) -> None:
    """Stage A goes on for the language model, which sees larger pictures."""
    views = ViewStream(stage.work, LVLM_SIZE, LVLM_MIX, 16, stage.seed(7), WEAK)
    _learn_trunk(stage, _reader(stage, "trunk.pt"), stream(views), stage.recipe.large_steps, 2.5e-3, "large.pt")


def _learn_trunk(
    stage: Stage, model: DenseReader, batches: Iterator[TrainingBatch], steps: int, rate: float, name: str
) -> None:
    part = stage.out / f"{name}.part"
    save = stage.saves(lambda: torch.save(model.state_dict(), part))
    train_trunk(model, batches, steps, rate, TrainingLog(f"A {name}", save))
    if stage.rank == 0:
        part.rename(stage.out / name)


def _reader(stage: Stage, name: str) -> DenseReader:
    reader = DenseReader()
    reader.load_state_dict(torch.load(stage.out / name))
    return reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _encoder(stage: Stage) -> None:
    """Stage B."""
    tokenizer = caption_tokenizer()
    model = new_encoder(_reader(stage, "trunk.pt").trunk, len(tokenizer))
    views = stream(ViewStream(stage.work, ENCODER_SIZE, ENCODER_MIX, 48, stage.seed(3)))
    train_encoder(model, tokenizer, views, stage.recipe.encoder_steps, 1.5e-3, stage.seed(4), TrainingLog("B encoder"))
    if stage.rank == 0:
        save_encoder(model, tokenizer, stage.out / "encoder")


def _lvlm(stage: Stage) -> None:
    """Stage C: every process caches its own views."""
    reader, tokenizer = _reader(stage, "large.pt"), chat_tokenizer()
    features = _features(stage, reader.trunk)
    model = new_lvlm(reader.trunk, tokenizer)
    connect_trunk(model, reader.read, tokenizer)
    train_lvlm(
        model, tokenizer, features, stage.recipe.lvlm_steps, 2e-3, stage.seed(6), TrainingLog("C language model")
    )
    if stage.rank == 0:
        save_lvlm(model, tokenizer, stage.out / "lvlm")


def _features(stage: Stage, trunk: torch.nn.Module) -> Features:
    parts = []
    for number, (kind, share) in enumerate(LVLM_MIX.items()):
        batches = stream(ViewStream(stage.work, LVLM_SIZE, {kind: 1.0}, 48, stage.seed(50 + 10 * number)))
        count = max(1, round(stage.recipe.cached_views * share / 48))
        labelled = ((batch, kind == "grid") for batch in batches)
        parts.append(cache_features(trunk, labelled, count, TrainingLog(f"C features, {kind}")))
    return Features(
        torch.cat([part.cells for part in parts]),
        np.concatenate([part.visible for part in parts]),
        [grid for part in parts for grid in part.grid],
    )
