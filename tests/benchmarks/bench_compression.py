"""Token compression: what it saves and what it costs, beside random and average-pool reduction at the same length.

    python tests/benchmarks/bench_compression.py [--pictures 60]

First table: the demo's models on rendered pictures, ROC-AUC over the ten classes by the share of image tokens. Second
table: floating-point operations, key-value cache and peak memory of one prompt through a random decoder of a real
model's width (cut to a few layers, which scale), on the GPU if there is one.
"""

import argparse
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import psutil
import torch
from sklearn.metrics import roc_auc_score
from torch.utils.flop_counter import FlopCounterMode

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.demo.vocabulary import EVENT_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, render_still
from anyanomaly_core.models.loading import load_lvlm
from anyanomaly_core.models.protocols import AnswerKind, Request
from anyanomaly_core.models.token_compression import Compression, compress_tokens
from anyanomaly_core.profile import load_profile
from anyanomaly_core.scoring.prompts import build_prompt

SHARES = (1.0, 0.8, 0.5, 0.35, 0.2, 0.1)
FIRST_SEED = 910_000_000  # no training saw these
TOKENS, WIDTH, LAYERS = 1280, 2048, 4  # image tokens of a frame of 720p; width of a model of 3 billion parameters


def random_tokens(tokens: torch.Tensor, share: float) -> Compression:
    """Some tokens as they are, the rest gone."""
    kept = max(1, int(share * len(tokens)))
    chosen = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(0))[:kept].sort().values
    weights = torch.zeros(len(tokens)).index_fill_(0, chosen, 1.0)
    group = torch.searchsorted(chosen, torch.arange(len(tokens))).clamp(max=kept - 1)
    return Compression(chosen, group, weights)


def pooled_tokens(tokens: torch.Tensor, share: float) -> Compression:
    """Means of neighbours in reading order."""
    kept = max(1, int(share * len(tokens)))
    group = torch.arange(len(tokens)) * kept // len(tokens)
    counts = torch.bincount(group, minlength=kept)
    return Compression(counts.cumsum(0) - counts, group, 1 / counts[group])


REDUCTIONS: dict[str, Callable[[torch.Tensor, float], Compression]] = {
    "reverse attention": compress_tokens,
    "random": random_tokens,
    "average pool": pooled_tokens,
}


def quality(pictures: int) -> None:
    """ROC-AUC of the demo's model by share and reduction."""
    lvlm = load_lvlm(load_profile("demo"), LibrarySettings())
    frames = [render_still(FIRST_SEED + number) for number in range(pictures)]
    requests = [
        Request(frame.image, build_prompt(EVENT_TEXTS[name][1], variant=3, temporal=False), AnswerKind.SCORE)
        for frame in frames
        for name in EVENT_NAMES
    ]
    truth = np.array([name in frame.events for frame in frames for name in EVENT_NAMES])
    print(f"{pictures} rendered pictures, {len(requests)} questions, {int(truth.sum())} of them true")
    print("| share | " + " | ".join(REDUCTIONS) + " |\n|---|" + "---|" * len(REDUCTIONS))
    for share in SHARES:
        row = []
        for reduce in REDUCTIONS.values():
            lvlm._compress = partial(reduce, share=share)  # type: ignore[attr-defined]
            answers = lvlm.answer(requests)
            scores = [float(np.dot(answer.distribution or (), np.arange(11) / 10)) for answer in answers]
            row.append(f"{roc_auc_score(truth, scores):.3f}")
        print(f"| {share:g} | " + " | ".join(row) + " |", flush=True)


def cost() -> None:
    """FLOPs, cache and peak memory of one image's prompt through a random Qwen2 decoder."""
    from transformers import Qwen2Config, Qwen2Model  # noqa: PLC0415  # after torchvision_compat, which loading did

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = Qwen2Config(
        hidden_size=WIDTH, intermediate_size=11008, num_hidden_layers=LAYERS, num_attention_heads=16,
        num_key_value_heads=2, vocab_size=256,
    )  # fmt: skip
    decoder = Qwen2Model(config).to(device).eval()
    tokens = torch.randn(TOKENS, WIDTH, device=device)
    print(f"\n{LAYERS} layers of width {WIDTH}, {TOKENS} image tokens and 100 of text, {device.type}")
    print(
        "| share | tokens | GFLOP | share of FLOP | cache MB | peak MB | compression s |\n|---|---|---|---|---|---|---|"
    )
    whole = 0
    for share in SHARES:
        began = time.monotonic()
        short = compress_tokens(tokens, share).apply(tokens)
        spent = time.monotonic() - began
        embeds = torch.cat([short, torch.randn(100, WIDTH, device=device)])[None]
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            decoder(inputs_embeds=embeds)
        whole = whole or counter.get_total_flops()
        peak = peak_memory(partial(run, decoder, embeds), device)
        cache = 2 * LAYERS * embeds.shape[1] * 2 * (WIDTH // 16) * 4 / 1e6
        part = counter.get_total_flops() / whole
        print(
            f"| {share:g} | {embeds.shape[1]} | {counter.get_total_flops() / 1e9:.0f} | {part:.0%} | {cache:.1f} "
            f"| {peak / 1e6:.0f} | {spent:.2f} |",
            flush=True,
        )


@torch.inference_mode()
def run(decoder: torch.nn.Module, embeds: torch.Tensor) -> None:
    """One pass."""
    decoder(inputs_embeds=embeds, use_cache=True)


def peak_memory(work: Callable[[], None], device: torch.device) -> int:
    """Bytes above what was there before."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return int(torch.cuda.max_memory_allocated() - before)
    process, seen, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return max(seen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=60)
    quality(parser.parse_args().pictures)
    cost()
