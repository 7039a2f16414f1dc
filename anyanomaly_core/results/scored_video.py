"""The scores of a video for one scoring, as events are derived from them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import frame_moments, to_micros
from anyanomaly_core.results.rows import RuleScores, UnitScores, storable_text
from anyanomaly_core.results.schema import segment_scores, units
from anyanomaly_core.results.segment_store import load_layout
from anyanomaly_core.scoring.events import Micros


@dataclass(frozen=True, slots=True)
class ScoredSegment:
    """What an event takes from the segment of its peak."""

    index: int
    first_frame: int
    last_frame: int
    score: float | None
    winning_text: str | None
    rationale: str | None


@dataclass(frozen=True, slots=True)
class ScoredVideo:
    """The scores of a video for one scoring, wherever they come from."""

    video: StoredVideo
    first_camera: str  # that its content was first found under, whichever of its cameras ``video`` says
    scorer_id: int
    scores: NDArray[np.float32]  # [F], NaN where unscored
    starts: Micros  # [F]
    end: int  # of the last frame
    segments: Callable[[], tuple[ScoredSegment, ...]]  # few videos have an event that asks for them

    def with_camera(self, camera_id: str, time_zone: str) -> Self:
        """The same scores, found under another camera."""
        return replace(self, video=replace(self.video, camera_id=camera_id, time_zone=time_zone))


def from_unit(unit: UnitScores, of_rule: RuleScores) -> ScoredVideo:
    """Scores that are about to be written."""
    video, scorer = unit.result.video, unit.result.scorer

    def segments() -> tuple[ScoredSegment, ...]:
        pairs = zip(unit.result.segments.segments, of_rule.scores, strict=True)
        return tuple(
            ScoredSegment(
                s.index,
                s.first_frame,
                s.last_frame,
                score.score,
                storable_text(score.text),
                storable_text(score.rationale),
            )
            for s, score in pairs
        )

    return ScoredVideo(
        video, video.camera_id, scorer.scorer_id, of_rule.frames, unit.moments, unit.bounds_us[-1][1], segments
    )


def load_scored(connection: Connection, video: StoredVideo, scoring_id: int) -> ScoredVideo | None:
    """The current scores of a video, or None."""
    unit = connection.execute(
        select(units.c.scorer_id, units.c.layout_id).where(
            units.c.video_id == video.video_id, units.c.scoring_id == scoring_id, units.c.is_current
        )
    ).first()
    if unit is None:
        return None
    s = segment_scores.c
    rows = connection.execute(
        select(s.segment_index, s.first_frame, s.score, s.winning_text, s.rationale, s.frame_scores)
        .where(s.video_id == video.video_id, s.scoring_id == scoring_id, s.scorer_id == unit.scorer_id)
        .order_by(s.segment_index)
    ).all()
    layout = load_layout(connection, video.video_id, unit.layout_id)
    segments = tuple(
        ScoredSegment(
            r[0], r.first_frame, r.first_frame + len(r.frame_scores) - 1, r.score, r.winning_text, r.rationale
        )
        for r in rows
    )
    scores = np.array([np.nan if x is None else x for row in rows for x in row.frame_scores], dtype=np.float32)
    starts = np.concatenate([frame_moments(video.recorded_at, row) for row in layout.rows])
    end = to_micros(video.recorded_at) + round(layout.duration_s * 1e6)
    return ScoredVideo(video, video.camera_id, unit.scorer_id, scores, starts, end, lambda: segments)
