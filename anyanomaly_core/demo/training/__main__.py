"""Train both demo models again: `python -m anyanomaly_core.demo.training --out DIR --seed 7`."""

from __future__ import annotations

import argparse
from pathlib import Path

from .recipe import Recipe, train_all


def main() -> None:
    """Read the command line and run the recipe."""
    parser = argparse.ArgumentParser(prog="python -m anyanomaly_core.demo.training", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for encoder/, lvlm/ and checkpoints")
    parser.add_argument("--work", type=Path, default=None, help="folder for rendered frames (about 10 GB)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full number of frames and steps")
    given = parser.parse_args()
    recipe = Recipe(seed=given.seed).scaled(given.scale)
    train_all(recipe, given.out, given.work or given.out / "work")


if __name__ == "__main__":
    main()
