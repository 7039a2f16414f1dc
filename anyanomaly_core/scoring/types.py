"""What goes into a scorer and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np

from anyanomaly_core.footage import stillness
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.footage.stillness import Cells
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.scoring.regions import FrameRegion


class Status(Enum):
    """What became of a segment for a rule. Only SCORED and CARRIED have scores."""

    SCORED = "scored"
    CARRIED = "carried"  # static scene: same as an earlier segment
    PRUNED = "pruned"  # left out by a cascade, with reason and bound
    FAILED = "failed"  # could not be decoded, answered or parsed; the reason says which


class SelectionReason(Enum):
    """Why a cascade had a segment judged."""

    RANK = "rank"  # the encoder ranks it high enough
    MOTION = "motion"  # it moves strangely
    AUDIT = "audit"  # drawn from the rest


@dataclass(frozen=True, slots=True)
class RuleTexts:
    """What a scorer needs to know of a rule version."""

    rule_version_id: int
    name: str
    texts: tuple[str, ...]  # at least one; the best counts
    excluded: tuple[str, ...] = ()  # contrast texts; their presence alone does not count


@dataclass(slots=True)
class EncodedSegment:
    """What the encoder has said of a segment's images so far; a scorer adds what it lacks. No rule is involved."""

    frames: Embeddings = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # [n, d], one per sampled frame
    windows: dict[int, Embeddings] = field(default_factory=dict)  # position in the segment -> [K, d]


@dataclass(frozen=True, slots=True)
class SegmentFrames:
    """A segment with the images of its sampled frames, ``len(images) == len(segment.sampled)``."""

    segment: Segment
    images: tuple[Image, ...]
    encoded: EncodedSegment = field(default_factory=EncodedSegment, compare=False)
    _cells: list[Cells] = field(default_factory=list, compare=False, repr=False)  # one, once somebody has asked

    def cells(self) -> Cells:
        """Mean grey levels of the cells of each image, computed once: what is still, and which windows are new."""
        if not self._cells:
            self._cells.append(stillness.cells(self.images))
        return self._cells[0]


@dataclass(frozen=True, slots=True)
class SegmentScore:
    """The outcome for one segment and one rule version. Scores are in 0..1, or None where there is none."""

    segment_index: int
    rule_version_id: int
    status: Status
    reason: str | None = None  # why there is no score, or whose it is, or by how much it may be off
    score: float | None = None  # fused, before smoothing
    key_score: float | None = None
    position_score: float | None = None
    temporal_score: float | None = None
    key_frame: int | None = None  # source frame numbers
    grid_frames: tuple[int, ...] = ()
    window: tuple[int, int, int, int] | None = None  # x0, y0, x1, y1 of the winning window in a 240x240 frame
    text: str | None = None  # which of the rule's texts won
    rationale: str | None = None
    raw_answer: str | None = None  # kept for FAILED
    frame_scores: tuple[float | None, ...] = ()  # only the scorers baseline and lavida: one per sampled frame
    regions: tuple[FrameRegion, ...] = ()  # only the scorer lavida: where in its frames the object is
    timings_ms: dict[str, float] = field(default_factory=dict)
    chosen: SelectionReason | None = None  # by a cascade; a carried segment has that of the one it takes over


class Scorer(Protocol):
    """Scores a batch of segments for all rules in one pass."""

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One result per (segment, rule), segments outer; never raises for a bad answer, sets FAILED instead."""
