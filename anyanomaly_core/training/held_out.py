"""Rendered clips of cameras that no training sees, and how good a model is on them. Nothing is chosen by that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES, EventSpan, RenderedFrame
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.evaluation.pixel_maps import LavidaMaps
from anyanomaly_core.evaluation.pixel_metrics import log_map, pixel_curve, resize_nearest
from anyanomaly_core.models.lavida.clip_model import LavidaClipModel
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.training.rendered import CAMERAS, FPS, SEEN_PIXELS, compressed_frame

FRAMES = 8


class Cameras(Enum):
    """Two groups of held-out cameras: recipes are compared on the first, figures are of the second."""

    CHECKED = 700_000_000
    TESTED = 800_000_000


def held_out_clip(cameras: Cameras, index: int) -> list[RenderedFrame]:
    """Eight frames in four seconds, of no event, one or two, which may begin in the middle; through a codec, mostly."""
    random = np.random.default_rng((cameras.value, index))
    number = CAMERAS * (1 if cameras is Cameras.CHECKED else 2) + int(random.integers(CAMERAS))
    names = random.choice(EVENT_NAMES, int(random.choice(3, p=(0.2, 0.5, 0.3))), replace=False)
    seconds = FRAMES / FPS
    spans = [EventSpan(str(name), float(random.choice([0.0, 0.4 * seconds])), seconds) for name in names]
    quality = int(random.integers(35, 92))
    clip = plan_clip(
        cameras.value + index, camera_seed=2 * number + 1, duration_s=seconds, fps=FPS, events=spans
    )  # odd seeds are those of cameras that nothing of the demo was trained on
    return [compressed_frame(frame, quality) for frame in clip.frames()]


@dataclass(slots=True)
class FrameTally:
    """Frame scores and truth of one event after another."""

    scores: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in EVENT_NAMES})
    truth: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in EVENT_NAMES})

    def add(self, event: str, scores: Sequence[float], masks: Sequence[NDArray[np.bool_]]) -> None:
        """Frames of a clip; one that shows a few pixels only is neither, and is left out."""
        for score, mask in zip(scores, masks, strict=True):
            pixels = int(mask.sum())
            if pixels == 0 or pixels >= SEEN_PIXELS:
                self.scores[event].append(float(score))
                self.truth[event].append(pixels > 0)

    def roc_auc(self) -> dict[str, float]:
        """By event; those that no frame shows, or all do, are left out."""
        both = [name for name in EVENT_NAMES if any(self.truth[name]) and not all(self.truth[name])]
        return {name: float(roc_auc_score(self.truth[name], self.scores[name])) for name in both}

    def right_at(self, threshold: float) -> tuple[float, float]:
        """Share of frames with an event at or above a threshold, and of frames without below it."""
        scores = np.concatenate([self.scores[name] for name in EVENT_NAMES])
        truth = np.concatenate([self.truth[name] for name in EVENT_NAMES]).astype(bool)
        return float((scores[truth] >= threshold).mean()), float((scores[~truth] < threshold).mean())


@dataclass(frozen=True, slots=True)
class HeldOutFigures:
    """Figures of single-word lists, one for each event."""

    frame_auc: dict[str, float]  # by event; those that no clip shows, or all do, are left out
    pixel_auc: float | None  # of the words that are true of a clip, all clips together
    pixel_ap: float | None

    @property
    def mean_frame_auc(self) -> float | None:
        """Over the events."""
        return float(np.mean(list(self.frame_auc.values()))) if self.frame_auc else None

    def named(self) -> dict[str, float]:
        """Those that there are, by name."""
        whole = {"mean": self.mean_frame_auc, "pixels": self.pixel_auc, "pixel precision": self.pixel_ap}
        return self.frame_auc | {name: value for name, value in whole.items() if value is not None}


def held_out_figures(model: Lavida, clips: int, cameras: Cameras) -> HeldOutFigures:
    """Score rendered clips for every event's first text, alone."""
    tally, curve = FrameTally(), pixel_curve()
    scorer = LavidaMaps(LavidaClipModel(model, name="training", revision="training"))
    words = [[EVENT_TEXTS[name][0]] for name in EVENT_NAMES]
    for index in range(clips):
        rendered = held_out_clip(cameras, index)
        found = scorer.score_each([frame.image for frame in rendered], words)
        for name, scores in zip(EVENT_NAMES, found, strict=True):
            masks = [frame.mask({name}) for frame in rendered]
            tally.add(name, scores.frames.tolist(), masks)
            if any(mask.any() for mask in masks):
                for drawn, mask in zip(scores.maps, masks, strict=True):
                    curve.add(log_map(drawn), np.asarray(resize_nearest(mask, drawn.shape), bool))
    return HeldOutFigures(tally.roc_auc(), curve.roc_auc(), curve.average_precision())
