"""Ours against the published loop: same models, same footage, one run; `make bench`.

    python -m tests.benchmarks.bench_efficiency [--segments 6] [--rules 1 3 10] [--clock wall|cpu] [--footage FILE]

Each contender runs in a process of its own (its peak memory is that process's), one after the other. `known` is a scan
of footage whose embeddings are kept. `generate` and `likelihood` encode every window and compute in 32 bits, as the
loop does; `reuse` is `likelihood` as the profile has it, which does not encode again what has not changed
(`contexts.same_level`); `bf16` is that in 16 bits, where the processor has them. Scores of `generate` must be those of
the loop, and no image may be encoded twice; else the benchmark fails. `at most` is the gain of a first scan of which
nothing is left but the networks' matrix products and convolutions, at the rate of this processor (`arithmetic.py`). A
bar that is missed is shown, and fails with --strict.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figures, add_save_option

TEXTS = [
    "a person riding a bicycle",
    "a person lying on the ground",
    "an abandoned bag",
    "a cloud of smoke",
    "a person running",
    "a dog",
    "a parked car",
    "two people fighting",
    "an open umbrella",
    "a person climbing",
]
BARS = {("generate", 1): 3, ("generate", 10): 15, ("likelihood", 1): 10, ("likelihood", 10): 50}
BARS |= {(name, count): BARS["likelihood", count] for name in ("reuse", "bf16") for count in (1, 10)}
FRAMES = 24
ABOUT = """\
The loop as published (`tests/benchmarks/reference_loop.py`) and ours: same models, same rendered footage, each
contender in its own process, one after the other. `generate` and `likelihood` encode every window in 32 bits, as the
loop does; `reuse` is `likelihood` with windows taken over; `bf16` is `reuse` with both models in 16 bits. *known*:
the same rules on footage whose embeddings are kept. *at most*: a first scan of which nothing is left but the
networks' matrix products and convolutions, at the rate at which this processor multiplies large matrices."""


def main() -> None:
    """Run the contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=6)
    parser.add_argument("--rules", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: on a machine that is shared")
    parser.add_argument("--footage", type=Path, help="a video; none: a rendered one")
    parser.add_argument("--strict", action="store_true", help="fail when a bar is missed")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    add_save_option(parser, "efficiency")
    options = parser.parse_args()
    if options.contender:
        print("RESULT " + json.dumps(run(options.contender, options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        options.footage = options.footage or render(Path(scratch), options.segments)
        found = {name: in_process(name, options) for name in contenders()}
    report(found, options)


def contenders() -> list[str]:
    """What is compared, the loop first."""
    import torch  # noqa: PLC0415

    return ["reference", "generate", "likelihood", "reuse", *["bf16"] * torch.cpu._is_avx512_bf16_supported()]


def render(folder: Path, segments: int) -> Path:
    """A clip with events, as the demo has them."""
    from anyanomaly_core.demo.archive import ArchivePlan, make_archive  # noqa: PLC0415

    plan = ArchivePlan(seed=7, cameras=1, clips_per_camera=1, clip_s=segments * FRAMES / 12, fps=12)
    make_archive(folder, plan, workers=1)
    return next(folder.glob("*/*/*.mp4"))


def in_process(contender: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Results of a contender, one per number of rules."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_efficiency", "--contender", contender]
    command += ["--segments", str(options.segments)]
    command += ["--clock", options.clock, "--footage", str(options.footage), "--rules", *map(str, options.rules)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    results: list[dict[str, Any]] = json.loads(done.stdout.split("RESULT ")[-1])
    return results


def run(contender: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Everything of one contender, in this process."""
    from anyanomaly_core.engine.batches import segment_batches  # noqa: PLC0415
    from anyanomaly_core.footage.sandbox import Limits  # noqa: PLC0415
    from anyanomaly_core.profile import load_profile  # noqa: PLC0415
    from tests.steady import steady_segments  # noqa: PLC0415

    clock = time.perf_counter if options.clock == "wall" else time.process_time
    segments = steady_segments(options.segments * FRAMES, FRAMES)
    batches = list(segment_batches(options.footage, segments, size=None, limits=Limits()))
    profile = load_profile("demo")
    if contender == "reference":
        return _reference(profile, batches, options.rules, clock)
    return _ours(_changed(profile, contender), batches, options.rules, clock)


def _changed(profile: Any, contender: str) -> Any:  # noqa: ANN401
    """The profile as a contender has it, without rationales."""
    readout = "generate" if contender == "generate" else "likelihood"
    changes = {"scoring": {"readout": readout, "rationale_threshold": 1.0}}
    if contender in ("generate", "likelihood"):
        changes["contexts"] = {"same_level": 0.0}
    if contender == "bf16":
        changes |= {part: {"precision": "bf16"} for part in ("encoder", "lvlm")}
    parts = {part: getattr(profile, part).model_copy(update=values) for part, values in changes.items()}
    return profile.model_copy(update=parts)


def _reference(profile: Any, batches: Sequence[Any], rules: Sequence[int], clock: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    import anyanomaly_core.demo  # noqa: PLC0415
    from tests.benchmarks.reference_loop import Counts, ReferenceLoop  # noqa: PLC0415

    loop = ReferenceLoop(profile, Path(anyanomaly_core.demo.__path__[0]) / "weights")
    segments = [list(segment.images) for batch in batches for segment in batch]
    loop.score(segments[0], TEXTS[0])  # warm up
    results = []
    for count in rules:
        loop.counts, before = Counts(), clock()
        scores = [[loop.score(images, text) for text in TEXTS[:count]] for images in segments]
        results.append({"rules": count, "first": clock() - before, "scores": scores, **_used(loop.counts)})
    return results


def _ours(profile: Any, batches: Sequence[Any], rules: Sequence[int], clock: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    from anyanomaly_core.config import Settings  # noqa: PLC0415
    from anyanomaly_core.engine.embeddings import VideoEmbeddings  # noqa: PLC0415
    from anyanomaly_core.models.device import DTYPES  # noqa: PLC0415
    from anyanomaly_core.models.loading import load_encoder, load_lvlm  # noqa: PLC0415
    from anyanomaly_core.scoring.scorers import make_scorer  # noqa: PLC0415
    from anyanomaly_core.scoring.types import RuleTexts  # noqa: PLC0415
    from tests.benchmarks.arithmetic import operations, operations_per_second  # noqa: PLC0415
    from tests.benchmarks.counting import CountingEncoder, CountingLvlm  # noqa: PLC0415

    results = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"ANYANOMALY_ARCHIVE_ROOT": scratch, "ANYANOMALY_DATABASE_URL": "postgresql://nowhere"}
        os.environ |= {"ANYANOMALY_PARQUET_ROOT": f"{scratch}/parquet", "ANYANOMALY_STATE_DIR": f"{scratch}/state"}
        Path(scratch, "state").mkdir()
        settings = Settings()
        encoder, lvlm = CountingEncoder(load_encoder(profile, settings)), CountingLvlm(load_lvlm(profile, settings))
        make_scorer(profile, encoder, lvlm).score(batches[0][:1], [RuleTexts(0, "warm up", (TEXTS[0],))])
        rate = operations_per_second(DTYPES[profile.encoder.precision], clock)
        for count in rules:
            texts = [RuleTexts(n, text, (text,)) for n, text in enumerate(TEXTS[:count])]
            kept, times, scores, encodes = Path(scratch, f"kept-{count}"), [], [], []
            for _ in ("first", "known"):
                encoder.forget()
                lvlm.forget()
                before, scorer, rows = clock(), make_scorer(profile, encoder, lvlm), []
                with VideoEmbeddings(kept) as store:
                    for batch in batches:
                        known = [type(s)(s.segment, s.images, store.known(s.segment)) for s in batch]
                        rows += scorer.score(known, texts)
                        store.learn(known)
                times.append(clock() - before)
                scores.append([row.score for row in rows])
                encodes.append(encoder.encodes)
            if scores[0] != scores[1]:
                sys.exit("kept embeddings give other scores than fresh ones")
            by_segment = [scores[0][n : n + count] for n in range(0, len(scores[0]), count)]
            used = {"encodes": encodes[0], "twice": sum(encodes) - _needed(profile, batches, rows), **lvlm.used()}
            fresh = [type(s)(s.segment, s.images) for batch in batches for s in batch]
            used |= {"least": operations(partial(scorer.score, fresh, texts)) / rate, "rate": rate}
            results.append(
                {"rules": count, "first": times[0], "known": times[1], "scores": by_segment, **used, "peak_mb": _peak()}
            )
    return results


def _needed(profile: Any, batches: Sequence[Any], rows: Sequence[Any]) -> int:  # noqa: ANN401
    """Images that have to be encoded: each frame, and each distinct window of the frames in some rule's grid."""
    from anyanomaly_core.contexts.windows import window_scales  # noqa: PLC0415
    from anyanomaly_core.footage.stillness import cells  # noqa: PLC0415
    from anyanomaly_core.scoring.window_plan import window_sources  # noqa: PLC0415

    scales = window_scales(profile.contexts.window_sizes, profile.contexts.half_strides)
    needed = 0
    for segment in (segment for batch in batches for segment in batch):
        own = [row.grid_frames for row in rows if row.segment_index == segment.segment.index]
        places = sorted({segment.segment.sampled.index(frame) for frames in own for frame in frames})
        level = profile.contexts.same_level or -1.0  # below 0 nothing is like anything else
        chosen = window_sources(cells(segment.images), scales, level)[places]
        needed += len(segment.images) + sum(len(set(column)) for column in chosen.T)
    return needed


def _used(counts: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**vars(counts), "twice": None, "peak_mb": _peak()}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def report(found: dict[str, list[dict[str, Any]]], options: argparse.Namespace) -> None:
    """Print the table; exit with 1 when scores differ, an image was encoded twice, or (strict) a bar is missed."""
    figures = Figures("Ours against the published loop", ABOUT)
    figures.table(
        "rules", "contender", "segments/s", "gain", "at most", "known: segments/s", "gain", "encodes/segment",
        "tokens read/segment", "tokens written/segment", "peak MB",
        caption=f"{options.segments} segments of {FRAMES} frames, {options.clock} time",
    )  # fmt: skip
    rates = {name: results[0]["rate"] / 1e9 for name, results in found.items() if "rate" in results[0]}
    failures, missed = [], []
    for place, count in enumerate(options.rules):
        base = found["reference"][place]
        for name, results in found.items():
            own = results[place]
            gain, known = base["first"] / own["first"], own.get("known")
            cells = [str(count), name, f"{options.segments / own['first']:.2f}", f"{gain:.1f}x"]
            cells += [f"{base['first'] / own['least']:.1f}x" if "least" in own else ""]
            cells += [f"{options.segments / known:.2f}", f"{base['first'] / known:.1f}x"] if known else ["", ""]
            cells += [f"{own[k] / options.segments:.0f}" for k in ("encodes", "tokens_read", "tokens_written")]
            figures.row(*cells, own["peak_mb"])
            if own["twice"]:
                failures.append(f"{name}, {count} rules: {own['twice']} images were encoded twice")
            if gain < BARS.get((name, count), 0):
                missed.append(
                    f"{name}, {count} rules: {gain:.1f}x of at most {base['first'] / own['least']:.1f}x, "
                    f"the bar is {BARS[name, count]}x"
                )
        differing = sum(
            abs(a - b) > 1e-6
            for ours, theirs in zip(found["generate"][place]["scores"], base["scores"], strict=True)
            for a, b in zip(ours, theirs, strict=True)
        )
        if differing:
            failures.append(f"generate, {count} rules: {differing} of {options.segments * count} scores differ")
    listed = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    figures.result(f"`at most` at the rate of large matrix products, GFLOP/s: {listed}.")
    scores = options.segments * sum(options.rules)
    if not failures:
        figures.result(f"All {scores} scores of `generate` were those of the loop; no image was encoded twice.")
    for line in [*failures, *missed]:
        figures.result(line)
    figures.save(options.save)
    if failures or (missed and options.strict):
        sys.exit(1)


if __name__ == "__main__":
    main()
