"""How good a model is on rendered clips of cameras that no training sees. Nothing is chosen by these figures."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES
from anyanomaly_core.evaluation.pixel_metrics import PixelCurve, resize_nearest
from anyanomaly_core.models.lavida.model import Lavida
from anyanomaly_core.training.rendered import CAMERAS, rendered_clips

FRAMES = 8
_LOGIT = 30.0  # pixel logits beyond it are as sure as can be


class Cameras(Enum):
    """Two groups of cameras that no training sees. Recipes are compared on the first, figures are of the second."""

    CHECKED = 700_000_000
    TESTED = 800_000_000


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


@torch.inference_mode()
def held_out_figures(model: Lavida, clips: int, cameras: Cameras) -> HeldOutFigures:
    """Score rendered clips for every event's first text, alone."""
    source = rendered_clips(cameras.value, clips, first_camera=CAMERAS * (2 if cameras is Cameras.TESTED else 1))
    curve = PixelCurve(-_LOGIT, _LOGIT)
    scores: dict[str, list[float]] = {name: [] for name in EVENT_NAMES}
    truth: dict[str, list[bool]] = {name: [] for name in EVENT_NAMES}
    for index in range(clips):
        rendered = source.rendered(index)[:FRAMES]
        frames = [frame.image for frame in rendered]
        scene = model.scene(frames)
        for name in EVENT_NAMES:
            words = [EVENT_TEXTS[name][0]]
            found = model.decode(scene, *model.read(frames, words), words)
            masks = [frame.mask({name}) for frame in rendered]
            scores[name] += found.frame_logits.tolist()
            truth[name] += [bool(mask.any()) for mask in masks]
            if any(mask.any() for mask in masks):
                for logits, mask in zip(found.pixel_logits().clamp(-_LOGIT, _LOGIT).numpy(), masks, strict=True):
                    curve.add(logits, np.asarray(resize_nearest(mask, logits.shape), bool))
    both = [name for name in EVENT_NAMES if any(truth[name]) and not all(truth[name])]
    by_event = {name: float(roc_auc_score(truth[name], scores[name])) for name in both}
    return HeldOutFigures(by_event, curve.roc_auc(), curve.average_precision())
