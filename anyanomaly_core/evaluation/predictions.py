"""What the models said of one video under one variant: by frame and by segment, before smoothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.scoring.smoothing import raw_frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore, SelectionReason, Status

# column of a class -> field of a segment's row
COLUMNS = {"score": "score", "key": "key_score", "position": "position_score", "temporal": "temporal_score"}


@dataclass(frozen=True, slots=True)
class SegmentPrediction:
    """What became of a segment for a class."""

    first_frame: int
    last_frame: int
    status: Status
    score: float | None  # before smoothing
    chosen: SelectionReason | None  # by a cascade
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class VideoPredictions:
    """One video under one variant."""

    pace: Pace  # of its frames
    columns: dict[str, dict[str, NDArray[np.float32]]]  # class -> name in COLUMNS -> [F] before smoothing
    segments: dict[str, list[SegmentPrediction]] = field(default_factory=dict)  # by class, in order
    statuses: Counter[str] = field(default_factory=Counter)  # (segment, class) rows by status
    failures: Counter[str] = field(default_factory=Counter)  # (segment, class) rows by the reason why they failed
    problem: str | None = None  # why the whole video has no score

    @property
    def frame_count(self) -> int:
        """F, frames of the video."""
        return self.pace.frame_count

    @classmethod
    def from_rows(
        cls, segments: Sequence[Segment], rows: Sequence[SegmentScore], classes: Sequence[RuleTexts], pace: Pace
    ) -> "VideoPredictions":
        """Predictions from the rows of the engine, segments outer, one for each class."""
        by_class = {rule.name: [row for row in rows if row.rule_version_id == rule.rule_version_id] for rule in classes}
        return cls(
            pace,
            {name: _frame_columns(segments, own, pace.frame_count) for name, own in by_class.items()},
            {name: [_segment(*pair) for pair in zip(segments, own, strict=True)] for name, own in by_class.items()},
            Counter(row.status.value for row in rows),
            Counter(row.reason or "" for row in rows if row.status is Status.FAILED),
        )


def _frame_columns(
    segments: Sequence[Segment], rows: Sequence[SegmentScore], frame_count: int
) -> dict[str, NDArray[np.float32]]:
    columns = {
        name: raw_frame_scores(segments, [getattr(row, attribute) for row in rows], frame_count)
        for name, attribute in COLUMNS.items()
    }
    # the baseline has a score of its own for each frame
    columns["score"] = raw_frame_scores(segments, rows, frame_count)
    return columns


def _segment(segment: Segment, row: SegmentScore) -> SegmentPrediction:
    return SegmentPrediction(segment.first_frame, segment.last_frame, row.status, row.score, row.chosen, row.rationale)
