"""Small footage and label files."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive

Paint = Callable[[int], int]


def footage(root: Path, *names: str) -> Path:
    """Empty files under these names: labels are read without looking into the footage."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def images(folder: Path, numbers: int | Iterable[int], paint: Paint = lambda _: 0, name: str = "{:03d}.bmp") -> None:
    """A folder of images with these numbers, or as many from 1; ``paint`` says how bright a number is."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, numbers + 1) if isinstance(numbers, int) else numbers:
        Image.fromarray(np.full((4, 6), paint(number), np.uint8)).save(folder / name.format(number))


def labels_of(archive: LabelledArchive, video: str, name: str, frames: int) -> list[int]:
    own = next(v for v in archive.videos if v.name == video)
    return own.labels[name].array(frames).tolist()
