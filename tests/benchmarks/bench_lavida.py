"""What a trained LAVIDA reaches on rendered clips of held-out cameras and seeds, beside AnyAnomaly's attention map.

    python -m tests.benchmarks.bench_lavida --model FOLDER [--leaky FOLDER] [--clips 80]

Frames count as showing an event from ``SEEN_PIXELS`` of it on; those with fewer are left out. Pixel figures are of the
words that are true of a clip, over all its pixels and frames; both methods are measured at the frames' own size. The
attention map is AnyAnomaly's as it is before it is stretched to 0..1, and as the position context shows it.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.demo.vocabulary import EVENT_TEXTS, UNRELATED_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, RenderedFrame
from anyanomaly_core.evaluation.pixel_maps import AttentionMaps, FrameScores, LavidaMaps, stretch_maps
from anyanomaly_core.evaluation.pixel_metrics import Map, PixelCurve, log_map, pixel_curve
from anyanomaly_core.models.lavida.clip_model import LavidaClipModel
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import load_profile
from anyanomaly_core.training.held_out import FRAMES, Cameras, FrameTally, held_out_clip

BARS = {"mean frame ROC-AUC": 0.95, "weakest event": 0.88, "pixel ROC-AUC": 0.95, "mean IoU": 0.5}
SHOWN = 0.5  # probability from which an event counts as found, and a pixel as part of it
SPEED_CLIPS = 12
Masks = Sequence[NDArray[np.bool_]]  # T of [H, W]


@dataclass(slots=True)
class Tallies:
    """What one method reaches."""

    name: str
    frames: FrameTally = field(default_factory=FrameTally)
    pixels: PixelCurve = field(default_factory=pixel_curve)
    overlaps: list[float] = field(default_factory=list)  # of found events: mask and object at the peak frame
    missed: int = 0  # events that are shown and not found

    def add(self, event: str, found: FrameScores, masks: Masks) -> None:
        """One clip for one event's word."""
        self.frames.add(event, found.frames.tolist(), masks)
        if not any(mask.any() for mask in masks):
            return
        maps = [at_size(scores, mask.shape) for scores, mask in zip(found.maps, masks, strict=True)]
        for scores, mask in zip(maps, masks, strict=True):
            self.pixels.add(log_map(scores), mask)
        peak = int(found.frames.argmax())
        if found.frames[peak] < SHOWN:
            self.missed += 1
            return
        shown = maps[peak] / found.frames[peak] >= SHOWN  # of the mask alone, without its frame's probability
        either = int((shown | masks[peak]).sum())
        self.overlaps.append(float((shown & masks[peak]).sum()) / max(1, either))


def at_size(scores: Map, shape: tuple[int, ...]) -> Map:
    """[H, W] bilinear."""
    return np.asarray(cv2.resize(scores, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def load(folder: Path) -> LavidaMaps:
    """A trained model."""
    return LavidaMaps(LavidaClipModel(Lavida.from_pretrained(folder), name=str(folder), revision=str(folder)))


def longer(word: str, index: int) -> list[str]:
    """A list of ten: the word among nine that nothing in the rendered world is."""
    random = np.random.default_rng(index)
    listed = [word, *(str(text) for text in random.choice(UNRELATED_TEXTS, 9, replace=False))]
    return [listed[place] for place in random.permutation(10)]


def event_masks(clip: Sequence[RenderedFrame], event: str) -> Masks:
    """[H, W] for each frame."""
    return [frame.mask({event}) for frame in clip]


def measure(models: dict[str, LavidaMaps], clips: int) -> list[Tallies]:
    """Each model with one word and with ten, and the attention map."""
    profile = load_profile("demo")
    encoder = load_encoder(profile, LibrarySettings())
    attention = AttentionMaps(profile, encoder)
    words = [EVENT_TEXTS[name][0] for name in EVENT_NAMES]
    alone = {name: (Tallies(f"{name}, one word"), Tallies(f"{name}, list of ten")) for name in models}
    maps = (Tallies("AnyAnomaly's attention"), Tallies("the same, stretched"))
    for index in range(clips):
        clip = held_out_clip(Cameras.TESTED, index)
        frames = [frame.image for frame in clip]
        masks = {name: event_masks(clip, name) for name in EVENT_NAMES}
        for name, model in models.items():
            lists = [[[word] for word in words], [longer(word, index) for word in words]]
            for tally, own in zip(alone[name], lists, strict=True):
                for event, found in zip(EVENT_NAMES, model.score_each(frames, own), strict=True):
                    tally.add(event, found, masks[event])
        for event, found in zip(EVENT_NAMES, attention.score_each(frames, [[word] for word in words]), strict=True):
            maps[0].add(event, found, masks[event])
            maps[1].add(event, stretch_maps(found), masks[event])
        print(f"clip {index + 1} of {clips}", end="\r", flush=True)
    return [*(tally for pair in alone.values() for tally in pair), *maps]


def seconds_a_clip(model: LavidaMaps, rules: int) -> float:
    """Of so many rules: clips of eight frames from pixels to masks, one after the other."""
    clip, lists = [frame.image for frame in held_out_clip(Cameras.TESTED, 0)], [["car"]] * rules
    model.score_each(clip, lists)
    began = time.perf_counter()
    for _ in range(SPEED_CLIPS):
        model.score_each(clip, lists)
    return (time.perf_counter() - began) / SPEED_CLIPS


def frame_table(tallies: Sequence[Tallies]) -> str:
    """ROC-AUC of frames by event."""
    lines = ["| event | " + " | ".join(tally.name for tally in tallies) + " |", "|---" * (len(tallies) + 1) + "|"]
    found = [tally.frames.roc_auc() for tally in tallies]
    for event in EVENT_NAMES:
        cells = [f"{own[event]:.3f}" if event in own else "–" for own in found]
        lines.append(f"| {event} | " + " | ".join(cells) + " |")
    means = [f"{np.mean(list(own.values())):.3f}" for own in found]
    return "\n".join([*lines, "| mean | " + " | ".join(means) + " |"])


def pixel_table(tallies: Sequence[Tallies]) -> str:
    """Where, and how often a threshold of 0.5 is right."""
    lines = [
        "| method | pixel ROC-AUC | pixel AP | IoU at the peak | found | missed | shown frames found | others quiet |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for tally in tallies:
        overlap = f"{np.mean(tally.overlaps):.3f}" if tally.overlaps else "–"
        found, quiet = tally.frames.right_at(SHOWN)
        lines.append(
            f"| {tally.name} | {tally.pixels.roc_auc() or 0:.3f} | {tally.pixels.average_precision() or 0:.3f} "
            f"| {overlap} | {len(tally.overlaps)} | {tally.missed} | {found:.0%} | {quiet:.0%} |"
        )
    return "\n".join(lines)


def verdicts(ours: Tallies, attention: Tallies, one_rule_s: float, ten_rules_s: float) -> list[str]:
    """Each bar with what was reached."""
    auc = ours.frames.roc_auc()
    pixels, others = ours.pixels.roc_auc() or 0, attention.pixels.roc_auc() or 0
    reached = {
        "mean frame ROC-AUC": float(np.mean(list(auc.values()))),
        "weakest event": min(auc.values()),
        "pixel ROC-AUC": pixels,
        "mean IoU": float(np.mean(ours.overlaps or [0])),
    }
    lines = [f"{name}: {reached[name]:.3f}, bar {bar:g}" for name, bar in BARS.items()]
    lines.append(f"pixel ROC-AUC above the attention map: {100 * (pixels - others):.1f} points, bar 5")
    further_s = (ten_rules_s - one_rule_s) / 9
    lines.append(f"frames a second on {torch.get_num_threads()} cores: {FRAMES / one_rule_s:.1f}, bar 12")
    lines.append(f"a clip for one rule {one_rule_s:.2f} s, for each further one {further_s / one_rule_s:.0%}, bar 10 %")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained model")
    parser.add_argument("--leaky", type=Path, help="folder of one trained with --leaky-lists")
    parser.add_argument("--clips", type=int, default=80)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    models = {"LAVIDA": load(given.model)}
    if given.leaky is not None:
        models["leaky lists"] = load(given.leaky)
    tallies = measure(models, given.clips)
    print(
        f"{given.clips} rendered clips of {len(EVENT_NAMES)} events, cameras and seeds that no model was trained on\n"
    )
    print(frame_table(tallies), pixel_table(tallies), sep="\n\n", end="\n\n")
    speed = [seconds_a_clip(models["LAVIDA"], rules) for rules in (1, 10)]
    print(*verdicts(tallies[0], tallies[-2], *speed), sep="\n")


if __name__ == "__main__":
    main()
