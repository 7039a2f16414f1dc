"""How well a method says where: its pixel scores beside the masks of a labelled archive.

Two protocols. ``honest``: scores at the size of the footage, as a user sees them; ROC-AUC and average precision of all
pixels together, and the region- and track-based detection criteria. ``reference``: as LAVIDA's authors measure UCSD
Ped2, scores and masks brought to 158x238 by nearest neighbour, all pixels in one ROC. Nothing is chosen by labels in
either; the published model was, by its AUC on ShanghaiTech's test set after each epoch, which ours is not.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.frame_folders import frames_to_video
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.labels.pixel_truth import Objects, objects
from anyanomaly_core.evaluation.pixel_maps import CLIP, PixelScorer
from anyanomaly_core.evaluation.pixel_metrics import (
    PUBLISHED_SIZE,
    DetectionCurves,
    Map,
    PixelCurve,
    log_map,
    pixel_curve,
    resize_nearest,
)
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.protocols import Image

LEVELS = np.linspace(0.98, 0.02, 49)  # thresholds of the detection criteria
FILE = "pixels.csv"


@dataclass(frozen=True, slots=True)
class PixelMeasure:
    """A figure of one class; None where the labels show nothing, or nothing else."""

    method: str
    label: str  # the class
    protocol: str
    metric: str
    value: float | None
    frames: int


@dataclass(slots=True)
class _Counts:
    native: PixelCurve = field(default_factory=pixel_curve)
    published: PixelCurve = field(default_factory=pixel_curve)
    regions: DetectionCurves = field(default_factory=lambda: DetectionCurves(LEVELS))
    frames: int = 0

    def add(self, video: str, scores: Map, shown: Objects, size: tuple[int, int]) -> None:
        """One frame of [H, W] = ``size``; the scores may be coarser."""
        shown = shown if shown.any() else np.zeros(size, np.int32)  # an empty frame may not know its size
        if shown.shape != size:
            raise ConfigurationError(f"Masks of {video} are {shown.shape}, its frames {size} (height, width).")
        fine = np.asarray(cv2.resize(scores, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        self.native.add(log_map(fine), shown > 0)
        small = np.asarray(resize_nearest(shown > 0, PUBLISHED_SIZE), np.bool_)
        self.published.add(log_map(np.asarray(resize_nearest(fine, PUBLISHED_SIZE), np.float32)), small)
        self.regions.add(video, fine, shown)
        self.frames += 1

    def measures(self, method: str, label: str) -> Iterator[PixelMeasure]:
        found = self.regions.criteria()
        for protocol, metric, value in (
            (HONEST, "pixel_roc_auc", self.native.roc_auc()),
            (HONEST, "pixel_average_precision", self.native.average_precision()),
            (HONEST, "rbdc", found.region),
            (HONEST, "tbdc", found.track),
            (REFERENCE, "pixel_roc_auc_158x238", self.published.roc_auc()),
        ):
            yield PixelMeasure(method, label, protocol, metric, value, self.frames)


def measure_pixels(
    archive: LabelledArchive,
    scorer: PixelScorer,
    cache: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    progress: Progress = no_progress,
) -> list[PixelMeasure]:
    """Score every frame that has a mask, and compare; each class is asked for by itself, in all videos with masks.

    Args:
        archive: whose videos have ``pixels``.
        scorer: says where.
        cache: folder for folders of images joined into videos.
        limits: of decoding.
        progress: videos done, and in all.

    Raises:
        ConfigurationError: when no video has masks, or they do not fit the footage.
        FootageError: when a video cannot be decoded.
    """
    videos = [video for video in archive.videos if video.pixels is not None]
    if not videos:
        raise ConfigurationError(
            f"{archive.name} has no pixel masks: UCSD's Test001_gt, Avenue's *_label.mat, or masks/<video>.jsonl "
            "beside the tables of the plain layout (docs/evaluation.md)."
        )
    counts = {name: _Counts() for name in archive.texts}
    for number, video in enumerate(videos):
        progress(number, len(videos))
        images = (frame.image for frame in decode(frames_to_video(video.path, cache), limits=limits))
        for clip in _clips(images, video, list(counts)):
            found = scorer.score_each([image for image, _ in clip], list(archive.texts.values()))
            for place, (own, scores) in enumerate(zip(counts.values(), found, strict=True)):
                for (image, masks), drawn in zip(clip, scores.maps, strict=True):
                    if (shown := masks[place]) is not None:
                        own.add(video.name, drawn, shown, (image.shape[0], image.shape[1]))
    progress(len(videos), len(videos))
    return [measure for name, own in counts.items() for measure in own.measures(scorer.name, name)]


def _clips(
    images: Iterator[Image], video: LabelledVideo, labels: Sequence[str]
) -> Iterator[list[tuple[Image, tuple[Objects | None, ...]]]]:
    """Frames with the mask of each class, ``CLIP`` at a time; the last clip may be shorter."""
    assert video.pixels is not None  # noqa: S101  # chosen by the caller
    masks = zip(*(objects(video.pixels, [label]) for label in labels), strict=True)
    pairs = zip(images, masks, strict=False)  # labels may end before the footage
    while clip := list(islice(pairs, CLIP)):
        yield clip


def write_pixel_measures(measures: Sequence[PixelMeasure], out: Path) -> Path:
    """A table of every figure; its path."""
    path = out / FILE
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([one.name for one in fields(PixelMeasure)])
        table.writerows(astuple(measure) for measure in measures)
    return path
