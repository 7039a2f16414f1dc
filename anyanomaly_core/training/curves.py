"""The losses of a run, and what held-out cameras say between steps: as tables, as a picture, and for TensorBoard."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from anyanomaly_core.training.plan import LOSSES

CURVE, HELD_OUT, PICTURE, BOARD = "losses.csv", "held_out.csv", "losses.png", "tensorboard"


def write_curves(losses: Sequence[Mapping[str, float]], held_out: Mapping[int, Mapping[str, float]], out: Path) -> None:
    """Both tables, the picture and TensorBoard's file, as they are after the last step.

    TensorBoard's folder is written anew, so a resumed run has one curve and no second branch.

    Args:
        losses: of each step, by name.
        held_out: by step: figures by name.
        out: folder of the run.
    """
    _write(out / CURVE, ["step", *LOSSES], ([n, *(row[k] for k in LOSSES)] for n, row in enumerate(losses, start=1)))
    names = sorted({name for row in held_out.values() for name in row})
    if names:
        rows = ([step, *(row.get(name, "") for name in names)] for step, row in held_out.items())
        _write(out / HELD_OUT, ["step", *names], rows)
    _draw(losses, out / PICTURE)
    _board(losses, held_out, out / BOARD)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[float | str]]) -> None:
    part = path.with_name(f"{path.name}.new")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(head)
        table.writerows([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    part.replace(path)


def _draw(losses: Sequence[Mapping[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(2, 4)
    for name, place in zip(LOSSES, axes.ravel(), strict=False):
        place.plot(range(1, len(losses) + 1), [row[name] for row in losses], linewidth=0.8)
        place.set_title(name)
    figure.savefig(path, dpi=120)


def _board(losses: Sequence[Mapping[str, float]], held_out: Mapping[int, Mapping[str, float]], folder: Path) -> None:
    from tensorboardX import SummaryWriter  # noqa: PLC0415  # training alone needs it

    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(folder)) as board:
        for step, row in enumerate(losses, start=1):
            for name, loss in row.items():
                board.add_scalar(f"loss/{name}", loss, step, walltime=float(step))
        for step, row in held_out.items():
            for name, value in row.items():
                board.add_scalar(f"held out/{name}", value, step, walltime=float(step))
