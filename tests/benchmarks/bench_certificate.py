"""Whether certificates keep their promise, and what they cost beside a full scan, a cascade and SUPG's rule.

    .venv/bin/python -m tests.benchmarks.bench_certificate [--archives 1000] [--segments 20000] [--seed 1] [--save]

Simulated archives of several shapes, each with a ranking; the judge looks up the truth, so what is counted are answers,
and whether what was promised is true. Every failure is printed with its seed. On the same ranking: the cascade of the
profile ``default`` (the first 20 % of each video, and an audit), and the rule of SUPG for recall (Kang et al., 2020):
draws by the root of the score, a threshold from a normal bound on importance-weighted counts. Its bound is asymptotic.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.engine.certificate import Certificate, Level, Target, find_until_certain
from anyanomaly_core.profile import CascadeSpec
from tests.benchmarks.figures import Figures, add_save_option

VIDEO = 3750  # segments: an hour of 24 frames at 25 a second
ABOUT = (
    "Simulated archives; the judge knows the truth. `kept`: in how many what was promised is true, of those where "
    "something was promised. The bar is the confidence, 95 %."
)
Truth = NDArray[np.bool_]  # [segments]
Scores = NDArray[np.float64]  # [segments]


@dataclass(frozen=True)
class Shape:
    """How an archive is made."""

    name: str
    share: float  # of segments that show what is looked for
    run: int  # segments of an event, on average
    known: float  # how far apart the ranking puts what is there and what is not, in deviations


SHAPES = (
    Shape("often, good ranking", 0.05, 12, 3.0),
    Shape("1 % of the time, good ranking", 0.01, 20, 3.0),
    Shape("1 % of the time, weak ranking", 0.01, 20, 1.0),
    Shape("rare, good ranking", 0.001, 10, 3.0),
    Shape("bursty: a few long events", 0.05, 250, 2.0),
    Shape("single segments, ranking knows nothing", 0.02, 1, 0.0),
    Shape("ranking upside down", 0.02, 10, -3.0),
    Shape("none at all", 0.0, 1, 0.0),
)


def main() -> int:
    """Simulate; 1 when a promise is broken more often than the confidence allows."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--archives", type=int, default=1000)
    parser.add_argument("--segments", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--confidence", type=float, default=0.95)
    add_save_option(parser, "certificate")
    args = parser.parse_args()
    figures = Figures("Certificates", ABOUT)
    broken = 0
    for level, least in ((Level.SEGMENTS, 1), (Level.EVENTS, 5)):
        target = Target(args.recall, args.confidence, level, least)
        of = "segments" if level is Level.SEGMENTS else f"events of {least} segments or more"
        caption = f"{args.archives} archives of {args.segments:,} segments; {args.recall:.0%} of the {of} at "
        caption += f"{args.confidence:.0%}; a full scan is 100 %"
        figures.table("shape", "kept", "reached", "recall, mean", "answers", "seconds", caption=caption)
        broken += sum(_simulate(figures, shape, number, target, args) for number, shape in enumerate(SHAPES))
    figures.table(
        "shape", "cascade: recall", "answers", "SUPG: kept", "recall, mean", "answers", "certificate: answers",
        caption="Segments, on the same rankings and archives",
    )  # fmt: skip
    for number, shape in enumerate(SHAPES[:-1]):
        _beside(figures, shape, number, args)
    figures.save(args.save)
    return 1 if broken else 0


def _simulate(figures: Figures, shape: Shape, number: int, target: Target, args: argparse.Namespace) -> bool:
    """A row; whether the promise was broken too often."""
    start, broken, done, recalls = time.perf_counter(), 0, [], []
    count = max(1, args.archives // len(SHAPES))
    for place in range(count):
        seed = args.seed * 1_000_003 + number * 10_007 + place
        truth, scores = make_archive(shape, args.segments, seed)
        certificate, judged = certify(truth, scores, target, seed)
        there = count_things(truth, target)
        found = certificate.found
        false = found + certificate.missed_at_most < there or (
            certificate.reached and there > 0 and found / there < target.recall
        )
        if false:
            print(f"broken: {shape.name}, {target.level.value}, seed {seed}: {found} of {there} found, {certificate}")
        broken += false
        done.append((certificate.reached, judged / len(truth)))
        recalls.append(found / there if there else 1.0)
    reached, shares = zip(*done, strict=True)
    took = (time.perf_counter() - start) / count
    figures.row(
        shape.name, f"{count - broken} of {count}", f"{np.mean(reached):.0%}", f"{np.mean(recalls):.3f}",
        f"{np.mean(shares):.1%}", f"{took:.2f}",
    )  # fmt: skip
    return broken > _most_failures(count, 1 - target.confidence)


def certify(truth: Truth, scores: Scores, target: Target, seed: int) -> tuple[Certificate, int]:
    """The certificate, and how many segments were judged."""
    order = np.argsort(-scores, kind="stable").tolist()
    begins = tuple(range(0, len(truth), VIDEO))
    said, ledger = find_until_certain(
        order, lambda segments: truth[np.asarray(segments)].tolist(), target, seed=seed + 10**9, begins=begins, batch=32
    )
    return said, len(ledger)


def make_archive(shape: Shape, segments: int, seed: int) -> tuple[Truth, Scores]:
    """Events of geometric lengths anywhere, and a ranking that puts them apart by so many deviations."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(segments, np.bool_)
    while truth.sum() < shape.share * segments:
        start = int(rng.integers(segments))
        end = min(start + int(rng.geometric(1 / shape.run)), (start // VIDEO + 1) * VIDEO)
        truth[start:end] = True
    return truth, rng.normal(size=segments) + shape.known * truth


def count_things(truth: Truth, target: Target) -> int:
    """Segments, or runs within a video of at least so many."""
    if target.level is Level.SEGMENTS:
        return int(truth.sum())
    edges = truth.astype(np.int8)
    starts = np.flatnonzero((edges == 1) & (np.r_[0, edges[:-1]] == 0) | ((edges == 1) & _begins(len(truth))))
    ends = np.flatnonzero(
        (edges == 1) & (np.r_[edges[1:], 0] == 0) | ((edges == 1) & np.r_[_begins(len(truth))[1:], True])
    )
    return int((ends - starts + 1 >= target.least_segments).sum())


def _begins(segments: int) -> Truth:
    return np.arange(segments) % VIDEO == 0


def _most_failures(count: int, share: float) -> int:
    """What chance may do: two deviations above the share."""
    return int(count * share + 2 * (count * share * (1 - share)) ** 0.5)


def cascade(truth: Truth, scores: Scores, rng: np.random.Generator) -> tuple[float, float]:
    """(recall, share judged) of the cascade of the profile ``default``, video by video."""
    spec = CascadeSpec()
    judged = rng.random(len(truth)) < spec.audit
    for start in range(0, len(truth), VIDEO):
        own = scores[start : start + VIDEO]
        judged[start + np.argsort(-own)[: int(np.ceil(len(own) * spec.share))]] = True
    return float(truth[judged].sum() / max(1, truth.sum())), float(judged.mean())


def supg(
    truth: Truth, scores: Scores, rng: np.random.Generator, *, recall: float, confidence: float, budget: int
) -> tuple[float, float]:
    """(recall, share judged) of SUPG's rule: what was drawn and everything above its threshold is judged."""
    proxy = 1 / (1 + np.exp(-(scores - np.quantile(scores, 0.95))))
    weights = np.sqrt(proxy)
    chances = 0.9 * weights / weights.sum() + 0.1 / len(truth)
    drawn = rng.choice(len(truth), budget, p=chances)
    hit, factor = truth[drawn], 1 / (chances[drawn] * len(truth))
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)

    def bound(values: NDArray[np.float64], sign: int) -> float:
        return float(values.mean() + sign * z * values.std() / budget**0.5)

    ordered = np.argsort(-scores[drawn])
    total = (hit * factor)[ordered].cumsum()
    if total[-1] == 0:
        return 0.0, float(len(np.unique(drawn)) / len(truth))
    at = int(np.searchsorted(total, recall * total[-1]))
    above = scores[drawn] >= scores[drawn][ordered[at]]
    upper, lower = bound(hit * factor * above, 1), max(bound(hit * factor * ~above, -1), 0.0)
    wanted = upper / (upper + lower) if upper + lower > 0 else 1.0
    at = min(len(total) - 1, int(np.searchsorted(total, wanted * total[-1])))
    judged = scores >= scores[drawn][ordered[at]]
    judged[drawn] = True
    return float(truth[judged].sum() / truth.sum()), float(judged.mean())


def _beside(figures: Figures, shape: Shape, number: int, args: argparse.Namespace) -> None:
    target = Target(args.recall, args.confidence)
    count = max(1, args.archives // len(SHAPES) // 4)
    rows: dict[str, list[tuple[float, float]]] = {"cascade": [], "supg": [], "own": []}
    kinds: dict[str, Callable[[Truth, Scores, np.random.Generator], tuple[float, float]]] = {
        "cascade": cascade,
        "supg": lambda truth, scores, rng: supg(
            truth, scores, rng, recall=args.recall, confidence=args.confidence, budget=max(200, len(truth) // 20)
        ),
    }
    for place in range(count):
        seed = args.seed * 1_000_003 + number * 10_007 + place
        truth, scores = make_archive(shape, args.segments, seed)
        for name, kind in kinds.items():
            rows[name].append(kind(truth, scores, np.random.default_rng([seed, 1])))
        certificate, judged = certify(truth, scores, target, seed)
        rows["own"].append((certificate.found / max(1, int(truth.sum())), judged / len(truth)))
    recall, share = ({name: np.array(of)[:, column] for name, of in rows.items()} for column in (0, 1))
    kept = int((recall["supg"] >= args.recall).sum())
    figures.row(
        shape.name, f"{recall['cascade'].mean():.3f}", f"{share['cascade'].mean():.1%}", f"{kept} of {count}",
        f"{recall['supg'].mean():.3f}", f"{share['supg'].mean():.1%}", f"{share['own'].mean():.1%}",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
