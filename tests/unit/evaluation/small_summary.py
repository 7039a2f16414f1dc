"""Made-up scores and labels, and what is measured on them."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from anyanomaly_core.evaluation import protocols
from anyanomaly_core.evaluation.labels.ground_truth import FrameLabels, LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.provenance import ModelVersion, Provenance
from anyanomaly_core.evaluation.summary import Summary, summarize
from anyanomaly_core.evaluation.variants import Variant, ablation
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.profile import load_profile

RNG = np.random.default_rng(7)


def columns(frames: int, shown: slice) -> dict[str, np.ndarray]:
    base = RNG.random((3, frames)).astype(np.float32) * 0.5
    base[:, shown] += 0.3
    named = dict(zip(protocols.IMAGES, base, strict=True))
    return {**named, "score": (0.6 * base[0] + 0.3 * base[1] + 0.1 * base[2]).astype(np.float32)}


def provenance(variants: list[Variant], resamples: int = 50) -> Provenance:
    """As a run with two local models has it."""
    models = {"encoder": ModelVersion("ViT-small", "abc"), "lvlm": ModelVersion("yard-vlm", "served:yard-vlm-7b")}
    when = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    return Provenance(when, "0.1.0 (3f2a9c1)", {variant.name: models for variant in variants}, resamples)


def small_summary(groups: list[str], name: str = "{}.mp4", lost: int = 0) -> Summary:
    """Three videos, the last ``lost`` without scores; in the third a segment of the first class has no score, and ten
    frames of each are not labelled.
    """
    texts = {"cat": ("a cat",), "dog": ("a dog",)}
    videos, scored = [], []
    variants = ablation(load_profile("demo"), groups)
    for number in range(3):
        labels = {name: FrameLabels(((10 + 20 * k, 29 + 20 * k),), frames=70) for k, name in enumerate(texts)}
        videos.append(LabelledVideo(name.format(number), Path("none"), labels))
        own = {name: columns(80, slice(10 + 20 * k, 30 + 20 * k)) for k, name in enumerate(texts)}
        if number == 2:
            for column in own["cat"].values():
                column[0:24] = np.nan
        scored.append(
            (
                videos[-1],
                [VideoPredictions(Pace.steady(80, 25), own, statuses=Counter(scored=7, failed=1))] * len(variants),
            )
        )
    for number in range(lost):
        scored[-1 - number] = (
            videos[-1 - number],
            [VideoPredictions(Pace(), {}, problem="it is text")] * len(variants),
        )
    archive = LabelledArchive("small", texts, tuple(videos))
    return summarize(archive, variants, scored, provenance(variants))
