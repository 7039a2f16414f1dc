"""The scores of one video, as Python, Arrow, a data frame or a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Profile
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import FrameRun, find_events, outside_holes
from anyanomaly_core.scoring.types import SegmentScore, Status

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Event:
    """A run of frames whose scores reach a rule's threshold. Times are seconds from the file's beginning."""

    rule: str
    start_s: float
    end_s: float  # end of the last frame
    peak_s: float
    peak_score: float
    rationale: str | None  # what the language model said of the peak; None: it was not asked
    first_frame: int
    last_frame: int


@dataclass(frozen=True, slots=True, eq=False)
class VideoScores:
    """One video, scored for some rules by one profile.

    ``frame_scores`` has a row for each rule and a column for each frame. A frame that could not be scored, or that a
    cascade left out, is NaN; ``segment_scores`` says why.
    """

    video: str
    profile: Profile
    scorer_digest: str  # of the profile and the loaded models' revisions
    rules: tuple[RuleDefinition, ...]
    frame_scores: NDArray[np.float32]  # [rules, frames] in 0..1, NaN = unscored
    frame_times_s: NDArray[np.float64]  # [frames] seconds from the file's beginning, which may be lost
    duration_s: float  # end of the last frame
    segments: tuple[Segment, ...]
    segment_scores: tuple[SegmentScore, ...]  # one per segment and rule, segments outer
    notes: tuple[str, ...] = ()  # what is wrong with the file; empty: nothing

    @property
    def unscored(self) -> dict[str, int]:
        """Segments without a score: how many, by reason."""
        reasons: dict[str, int] = {}
        for row in self.segment_scores:
            if row.status in (Status.FAILED, Status.PRUNED):
                reason = row.reason or row.status.value
                reasons[reason] = reasons.get(reason, 0) + 1
        return reasons

    def events(self, threshold: float | None = None) -> list[Event]:
        """Events of all rules, by time; a rule's hours do not count here, where no time of recording is known.

        Args:
            threshold: in 0..1, for every rule; None: each rule's own, with its release threshold.

        Raises:
            ValueError: when the threshold is outside 0..1.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"A threshold lies between 0 and 1, not at {threshold}.")
        found = [
            self._event(place, run)
            for place, rule in enumerate(self.rules)
            for run in find_events(*self._curve(place), _with_threshold(rule, threshold), self._everywhere())
        ]
        return sorted(found, key=lambda event: (event.start_s, event.rule))

    def to_arrow(self) -> "pa.Table":
        """A row per rule and frame: ``video, rule, frame, time_s, score, status, reason, rationale``.

        ``score`` is null, never NaN, where there is none; ``status`` and ``reason`` are those of the frame's segment.
        """
        import pyarrow as pa  # noqa: PLC0415  (not needed by who asks for arrays)

        frames = len(self.frame_times_s)
        by_rule = [row for place in range(len(self.rules)) for row in self.segment_scores[place :: len(self.rules)]]
        lengths = [segment.frame_count for segment in self.segments] * len(self.rules)

        def spread(values: Sequence[str | None], counts: Sequence[int]) -> "pa.Array[Any]":
            return pa.array(np.repeat(np.array(values, object), counts), pa.string()).dictionary_encode()

        return pa.table(
            {
                "video": spread([self.video], [len(self.rules) * frames]),
                "rule": spread([rule.name for rule in self.rules], [frames] * len(self.rules)),
                "frame": pa.array(np.tile(np.arange(frames, dtype=np.int32), len(self.rules))),
                "time_s": pa.array(np.tile(self.frame_times_s, len(self.rules))),
                "score": pa.array(self.frame_scores.reshape(-1), pa.float32(), from_pandas=True),
                "status": spread([row.status.value for row in by_rule], lengths),
                "reason": spread([row.reason for row in by_rule], lengths),
                "rationale": spread([row.rationale for row in by_rule], lengths),
            }
        )

    def to_pandas(self) -> "pd.DataFrame":
        """As :meth:`to_arrow`."""
        return self.to_arrow().to_pandas()

    def plot(self, ax: "Axes | None" = None, *, threshold: float | None = None) -> "Axes":
        """Curves of all rules over time, with the threshold as a line and events as shaded spans.

        Args:
            ax: matplotlib axes to draw into; None: new ones.
            threshold: as for :meth:`events`; None: each rule's own.
        """
        import matplotlib.pyplot as plt  # noqa: PLC0415  (half a second to import)

        if ax is None:
            _, ax = plt.subplots(figsize=(10, 3), layout="constrained")
        for rule, scores in zip(self.rules, self.frame_scores, strict=True):
            [line] = ax.plot(self.frame_times_s, scores, label=rule.name, drawstyle="steps-post")
            level = rule.threshold if threshold is None else threshold
            ax.axhline(level, color=line.get_color(), linestyle=":", linewidth=1)
            for event in self.events(threshold):
                if event.rule == rule.name:
                    ax.axvspan(event.start_s, event.end_s, color=line.get_color(), alpha=0.15, linewidth=0)
        ax.set(xlabel="seconds", ylabel="score", ylim=(0, 1), xlim=(0, self.duration_s), title=self.video)
        ax.legend(loc="upper right")
        return ax

    def _curve(self, place: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """A rule's scores, with start and end of each frame in microseconds."""
        starts = np.round(self.frame_times_s * 1e6).astype(np.int64)
        ends = np.append(starts[1:], np.int64(round(self.duration_s * 1e6)))
        return self.frame_scores[place], starts, outside_holes(starts, ends)

    def _everywhere(self) -> NDArray[np.bool_]:
        return np.ones(len(self.frame_times_s), np.bool_)

    def _event(self, place: int, run: FrameRun) -> Event:
        scores, starts, ends = self._curve(place)
        segment = next(s.index for s in self.segments if s.first_frame <= run.peak <= s.last_frame)
        row = self.segment_scores[segment * len(self.rules) + place]
        return Event(
            rule=self.rules[place].name,
            start_s=float(starts[run.first]) / 1e6,
            end_s=float(ends[run.last]) / 1e6,
            peak_s=float(starts[run.peak]) / 1e6,
            peak_score=float(scores[run.peak]),
            rationale=row.rationale,
            first_frame=run.first,
            last_frame=run.last,
        )


def _with_threshold(rule: RuleDefinition, threshold: float | None) -> RuleDefinition:
    if threshold is None:
        return rule
    return rule.model_copy(update={"threshold": threshold, "release_threshold": None})
