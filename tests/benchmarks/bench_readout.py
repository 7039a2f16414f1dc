"""How much the likelihood readout and shared images save: a table of requests per second.

    python tests/benchmarks/bench_readout.py [MODEL_DIRECTORY] [--images 16] [--rules 1 3 7] [--side 336]

Without a directory it builds a random Qwen2.5-VL of about 30 M parameters (64 tokens an image of 224 pixels). Every way
answers the same requests, and the answers are compared: likelihoods with each other, texts with each other.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before transformers

# isort: split
import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, logging

from anyanomaly_core.models.device import resolve_device
from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.models.transformers_lvlm import TransformersLvlm

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "models"))
TEXTS = [
    "a bicycle",
    "a car",
    "a bag left behind",
    "two people fighting",
    "a person running",
    "a dog",
    "smoke",
    "a van",
]
PROMPT = (
    "Rate from 0.0 to 1.0 how clearly the image includes {text}. 1.0 means clearly present, 0.0 means absent. "
    "Presence counts even when it is not the main subject. Answer with one decimal and a short reason."
)


def load(folder: Path, batch_size: int) -> Callable[[bool], TransformersLvlm]:
    """A maker of the model with and without shared images."""
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    model.to(resolve_device("auto"))

    def make(shared: bool) -> TransformersLvlm:
        lvlm = TransformersLvlm(model, processor, name="bench", revision="", batch_size=batch_size, max_new_tokens=50)
        lvlm._shares = lvlm._shares and shared
        return lvlm

    return make


def timed(
    lvlm: TransformersLvlm, requests: list[Request], repeats: int, clock: Callable[[], float]
) -> tuple[float, list[Answer]]:
    """Median seconds of one pass, and its answers."""
    answers = lvlm.answer(requests)  # warm up
    seconds = []
    for _ in range(repeats):
        before = clock()
        answers = lvlm.answer(requests)
        seconds.append(clock() - before)
    return float(np.median(seconds)), answers


def check(one: list[Answer], other: list[Answer]) -> None:
    """Stop when two ways give different answers."""
    for a, b in zip(one, other, strict=True):
        if a.error or b.error or a.text != b.text:
            sys.exit(f"answers differ: {a} {b}")
        if a.distribution and not np.allclose(a.distribution, b.distribution or (), atol=1e-4):
            sys.exit(f"likelihoods differ: {a} {b}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rules", type=int, nargs="+", default=[1, 3, 7])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: on a machine that is shared")
    options = parser.parse_args()
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or _build(Path(scratch))
        make = load(folder, options.batch)
    draw = np.random.default_rng(0)
    images = [draw.integers(0, 255, (options.side, options.side, 3), dtype=np.uint8) for _ in range(options.images)]
    print(f"{folder.name}, {options.images} images of {options.side} pixels,", end=" ")
    print(f"{torch.get_num_threads()} threads, {options.clock} time")
    print("| rules | generate, alone | generate, shared | likelihood, alone | likelihood, shared | gain |")
    print("|---|---|---|---|---|---|")
    for rules in options.rules:
        cells, first = [], 0.0
        for want in (AnswerKind.TEXT, AnswerKind.SCORE):
            requests = [Request(i, PROMPT.format(text=text), want) for i in images for text in TEXTS[:rules]]
            alone, expected = timed(make(False), requests, options.repeats, clock)
            shared, found = timed(make(True), requests, options.repeats, clock)
            check(expected, found)
            first = first or alone
            cells += [f"{len(requests) / alone:.1f}/s", f"{len(requests) / shared:.1f}/s ({alone / shared:.1f}x)"]
        print(f"| {rules} | {' | '.join(cells)} | {first / shared:.1f}x |", flush=True)


def _build(folder: Path) -> Path:
    from tiny_vlms import build_vlm  # noqa: PLC0415  # lies beside the tests

    sizes = {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8}
    build_vlm("qwen2_5_vl", folder / "qwen2_5_vl_30m", **sizes)
    processor = AutoProcessor.from_pretrained(folder / "qwen2_5_vl_30m", local_files_only=True)
    processor.image_processor.size = {"shortest_edge": 28 * 28 * 4, "longest_edge": 28 * 28 * 256}
    processor.save_pretrained(folder / "qwen2_5_vl_30m")
    return folder / "qwen2_5_vl_30m"


if __name__ == "__main__":
    main()
