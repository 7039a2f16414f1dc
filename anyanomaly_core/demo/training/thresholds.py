"""Choosing the demo rules' thresholds: `python -m anyanomaly_core.demo.training.thresholds --out DIR`.

Archives of seeds that `make demo` never shows are rendered and scored once. For every rule a table says, by threshold,
how many planted events were found and how many others; the best F1 of events decides, and of equal ones the middle.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from anyanomaly_core import VideoScorer, VideoScores
from anyanomaly_core.demo.archive import ArchivePlan, PlantedEvent, make_archive, planted_events

SEEDS = (101, 102, 103, 104)
THRESHOLDS = np.round(np.arange(0.40, 0.901, 0.02), 2)


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What a rule finds at one threshold."""

    threshold: float
    planted: int
    found: int  # planted events that an event of the rule overlaps
    false_alarms: int  # events of the rule that overlap none

    @property
    def f1(self) -> float:
        """Harmonic mean of the share of planted events found and the share of events that were planted."""
        return 2 * self.found / max(1, self.planted + self.found + self.false_alarms)


def main() -> None:
    """Render, score, print the tables and the choice."""
    parser = argparse.ArgumentParser(prog="python -m anyanomaly_core.demo.training.thresholds", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the rendered archives (about 100 MB)")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the archives; 20 is the demo's own")
    options = parser.parse_args()
    scored = [pair for seed in options.seeds for pair in _score_archive(options.out / str(seed), seed)]
    for rule in scored[0][0].rules:
        counts = [_counts(scored, rule.name, float(threshold)) for threshold in THRESHOLDS]
        print(f"\n{rule.name}\nthreshold  found       false alarms  F1")
        for row in counts:
            print(f"{row.threshold:9.2f}  {row.found:3d} of {row.planted:3d}  {row.false_alarms:12d}  {row.f1:.3f}")
        print(f"chosen: {choose(counts):.2f}")


def choose(counts: list[EventCounts]) -> float:
    """The threshold of the best F1; where neighbours are equally good, the middle of the longest run of them."""
    best = max(row.f1 for row in counts)
    is_best = np.array([row.f1 == best for row in counts])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_best, [False]))))
    first, end = max(edges.reshape(-1, 2).tolist(), key=lambda run: run[1] - run[0])
    return counts[(first + end - 1) // 2].threshold


def _score_archive(root: Path, seed: int) -> Iterator[tuple[VideoScores, list[PlantedEvent]]]:
    """Each video of an archive with what was planted in it."""
    print(f"archive {seed}: rendering, then scoring", flush=True)
    make_archive(root, ArchivePlan(seed=seed))
    planted = planted_events(root)
    rules = Path(str(files("anyanomaly_core.demo") / "rules"))
    scorer = VideoScorer("demo")
    for video in sorted(root.glob("[!_]*/*/*.mp4")):
        uri = video.relative_to(root).as_posix()
        print(f"  {uri}", flush=True)
        yield scorer.score(video, rules), [event for event in planted if event.uri == uri]


def _counts(scored: list[tuple[VideoScores, list[PlantedEvent]]], rule: str, threshold: float) -> EventCounts:
    planted_count = found = false_alarms = 0
    for scores, planted in scored:
        truth = [event for event in planted if event.rule == rule]
        events = [event for event in scores.events(threshold) if event.rule == rule]
        planted_count += len(truth)
        found += sum(any(e.start_s < t.end_s and t.start_s < e.end_s for e in events) for t in truth)
        false_alarms += sum(not any(e.start_s < t.end_s and t.start_s < e.end_s for t in truth) for e in events)
    return EventCounts(threshold, planted_count, found, false_alarms)


if __name__ == "__main__":
    main()
