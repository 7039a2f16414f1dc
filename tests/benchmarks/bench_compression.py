"""Token compression: what it saves and what it costs, beside random and average-pool reduction at the same length.

    python -m tests.benchmarks.bench_compression [--pictures 24] [--tokens 640] [--width 1024] [--layers 2]

First table: the demo's models on rendered pictures, ROC-AUC over the ten classes by the share of image tokens. Second
table: floating-point operations, key-value cache and peak memory of one prompt through a decoder with random weights
(cut to a few layers, which scale), and what each reduction itself takes, on the GPU if there is one. As it is, it takes
some minutes on two cores; ``--tokens 1280 --width 2048 --layers 4`` is a frame of 720p before a model of 3 billion
parameters.
"""

import argparse
import time
import weakref
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
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
TEXT = 100  # tokens of a prompt beside the picture's


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
        row: list[str] = []
        for reduce in REDUCTIONS.values():
            if share == 1.0 and row:  # all of them leave everything
                row.append(row[0])
                continue
            lvlm._compress = partial(reduce, share=share)  # type: ignore[attr-defined]
            answers = lvlm.answer(requests)
            scores = [float(np.dot(answer.distribution or (), np.arange(11) / 10)) for answer in answers]
            row.append(f"{roc_auc_score(truth, scores):.3f}")
        print(f"| {share:g} | " + " | ".join(row) + " |", flush=True)


def cost(count: int, width: int, layers: int) -> None:
    """FLOPs, cache and peak memory of one image's prompt through a random Qwen2 decoder."""
    from transformers import Qwen2Config, Qwen2Model  # noqa: PLC0415  # after torchvision_compat, which loading did

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = Qwen2Config(
        hidden_size=width, intermediate_size=int(5.375 * width), num_hidden_layers=layers, num_attention_heads=16,
        num_key_value_heads=2, vocab_size=256,
    )  # fmt: skip
    decoder = Qwen2Model(config).to(device).eval()
    tokens = torch.randn(count, width, generator=torch.Generator().manual_seed(0)).to(device)
    print(f"\n{layers} layers of width {width}, {count} image tokens and {TEXT} of text, {device.type}")
    seconds = " | ".join(f"{name}, ms" for name in REDUCTIONS)
    print(f"| share | tokens | GFLOP | share of FLOP | cache MB | peak MB | {seconds} |\n" + "|---" * 9 + "|")
    whole = 0
    for share in SHARES:
        short = compress_tokens(tokens, share).apply(tokens)
        embeds = torch.cat([short, torch.randn(TEXT, width, device=device)])[None]
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            decoder(inputs_embeds=embeds)
        whole = whole or counter.get_total_flops()
        peak = peak_memory(partial(run, decoder, embeds), device)
        cache = 2 * layers * embeds.shape[1] * 2 * (width // 16) * 4 / 1e6
        part = counter.get_total_flops() / whole
        spent = " | ".join(f"{1000 * reduction_seconds(reduce, tokens, share):.0f}" for reduce in REDUCTIONS.values())
        print(
            f"| {share:g} | {embeds.shape[1]} | {counter.get_total_flops() / 1e9:.0f} | {part:.0%} | {cache:.1f} "
            f"| {peak / 1e6:.0f} | {spent} |",
            flush=True,
        )


def reduction_seconds(
    reduce: Callable[[torch.Tensor, float], Compression], tokens: torch.Tensor, share: float
) -> float:
    """What making the tokens fewer takes of the processor, whoever else uses it."""
    where = tokens if reduce is compress_tokens else tokens.cpu()
    reduce(where, share)  # what is slow the first time only
    began = time.process_time()
    reduce(where, share)
    return time.process_time() - began


@torch.inference_mode()
def run(decoder: torch.nn.Module, embeds: torch.Tensor) -> None:
    """One pass."""
    decoder(inputs_embeds=embeds, use_cache=True)


def peak_memory(work: Callable[[], None], device: torch.device) -> int:
    """Bytes of what the work makes and needs at the same time; on a CPU tensors are counted as they come and go."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return int(torch.cuda.max_memory_allocated() - before)
    with LiveBytes() as counted:
        work()
    return counted.peak


class LiveBytes(TorchDispatchMode):
    """Counts the storages that operations make, while they live. The process's own size would not do: torch's
    allocator keeps what it once had."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        _types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        found = func(*args, **(kwargs or {}))
        given = {id(one.untyped_storage()) for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage(), given)
        self.peak = max(self.peak, self._now)
        return found

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key = storage.data_ptr()
        if id(storage) in given or key in self._known:  # a view
            return
        self._known.add(key)
        self._now += storage.nbytes()
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=640)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=2)
    given = parser.parse_args()
    quality(given.pictures)
    cost(given.tokens, given.width, given.layers)
