"""How many number plates are covered: ``python -m tests.benchmarks.bench_plates [--each 5] [--footage FOLDER]``.

Plates of six countries on a drawn car, somewhere in the picture, with noise and JPEG artefacts, in two sizes of
pictures and several widths; counted when nine tenths of the plate's writing or more would be covered. With
``--footage`` it looks at five frames of each clip there as well, and says how much of them would be covered: in clips
without a legible plate, that is what is covered for nothing.
"""

import argparse
import io
import time
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anyanomaly_core.footage.decode import decode
from anyanomaly_core.review.blurring.detector import Boxes
from anyanomaly_core.review.blurring.text import TextDetector
from anyanomaly_core.review.blurring.tracks import MARGIN, enlarge
from tests.integration.review.blurring.drawn_plate import PLATES, draw_plate, draw_street

SIZES = ((640, 360), (1920, 1080))
WIDTHS = (32, 40, 60, 80, 120, 160)
MOST = 0.9
NOISE, QUALITY = 5.0, 60


def street(
    rng: np.random.Generator, plate: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A picture, and left and top of its plate."""
    height, width = plate.shape[:2]
    place = int(rng.integers(0, size[0] - width)), int(rng.integers(0, size[1] - height))
    noisy = draw_street(*place, plate, size) + rng.normal(0, NOISE, (size[1], size[0], 3))
    packed = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(packed, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(packed).convert("RGB")), place


def covered(shape: tuple[int, ...], boxes: Boxes) -> NDArray[np.bool_]:
    """[H, W] which pixels."""
    mask = np.zeros(shape[:2], bool)
    for left, top, right, bottom in np.round(enlarge(boxes, MARGIN)).clip(0).astype(int):
        mask[top:bottom, left:right] = True
    return mask


def writing(plate: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[h, w] where the letters are: what differs from the ground."""
    return np.asarray(np.abs(plate.astype(int) - plate[0, 0]).max(axis=2) > 60)


def drawn(detector: TextDetector, each: int) -> None:
    """Print a row for each size of pictures."""
    print(f"| picture | {' | '.join(map(str, WIDTHS))} | s a picture |\n|---|{'---|' * (len(WIDTHS) + 1)}")
    for size in SIZES:
        rng, began, row = np.random.default_rng(0), time.perf_counter(), []
        for width in WIDTHS:
            hits = 0
            for country in PLATES:
                plate = draw_plate(width, country)
                letters = writing(plate)
                for _ in range(each):
                    image, (left, top) = street(rng, plate, size)
                    mask = covered(image.shape, detector.detect(image))
                    on_plate = mask[top : top + plate.shape[0], left : left + width]
                    hits += bool(on_plate[letters].mean() >= MOST)
            row.append(f"{hits} of {each * len(PLATES)}")
        seconds = (time.perf_counter() - began) / (each * len(PLATES) * len(WIDTHS))
        print(f"| {size[0]}x{size[1]} | {' | '.join(row)} | {seconds:.1f} |", flush=True)


def filmed(detector: TextDetector, folder: Path) -> None:
    """Print what of real clips would be covered."""
    print("\n| clip | boxes in five frames | of the picture |\n|---|---|---|")
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".avi", ".mp4"}):
        images = [frame.image for frame in islice(decode(path, step=60), 5)]
        found = [detector.detect(image) for image in images]
        shares = [covered(image.shape, boxes).mean() for image, boxes in zip(images, found, strict=True)]
        print(f"| {path.name} | {' '.join(str(len(boxes)) for boxes in found)} | {np.mean(shares):.1%} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=5, help="pictures of each country, width and size")
    parser.add_argument("--footage", type=Path, help="a folder of clips")
    options = parser.parse_args()
    detector = TextDetector()
    drawn(detector, options.each)
    if options.footage:
        filmed(detector, options.footage)


if __name__ == "__main__":
    main()
