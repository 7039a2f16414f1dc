"""A unit of work's outcome, checked and made ready to be written to the database and to Parquet alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import Micros, frame_moments, segment_bounds
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.segment_store import StoredSegment, VideoSegments
from anyanomaly_core.scoring.types import SegmentScore, Status

_MAX_TEXT = 4000
_HAVE_SCORES = (Status.SCORED, Status.CARRIED)


@dataclass(frozen=True, slots=True)
class UnitResult:
    """Everything one unit of work found out: a video, scored for some rules by one scorer."""

    video: StoredVideo
    segments: VideoSegments
    rules: tuple[StoredRule, ...]  # each with another scoring
    scorer: StoredScorer
    scores: Sequence[SegmentScore]  # one per segment and rule, in any order
    frame_scores: Mapping[int, NDArray[np.float32]]  # rule_version_id -> [F] after smoothing, NaN where unscored
    run_id: int | None = None
    mask_digest: str | None = None  # of the camera's privacy mask; None: it has none


@dataclass(slots=True)  # frozen ones take three times as long to make, and there are very many
class SegmentRow:
    """A row of ``segment_scores``."""

    stored: StoredSegment
    score: SegmentScore  # its texts are not cleaned; use the fields below
    started_us: int
    ended_us: int
    frames: NDArray[np.float32]  # [frames of the segment], NaN where unscored
    peak: float | None
    moments: Micros  # [frames of the segment]
    winning_text: str | None
    rationale: str | None
    reason: str | None
    raw_answer: str | None


@dataclass(frozen=True, slots=True)
class RuleRows:
    """All rows of one rule, by segment."""

    rule: StoredRule
    rows: tuple[SegmentRow, ...]
    frames: NDArray[np.float32]  # [F] those of all rows
    moments: Micros  # [F] likewise
    seconds: Mapping[Status, float] = field(default_factory=dict)
    segments: Mapping[Status, int] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What the ledger says: done, partial or failed."""
        failed = self.segments[Status.FAILED]
        return "done" if failed == 0 else "failed" if failed == len(self.rows) else "partial"

    @property
    def last_error(self) -> str | None:
        """Reason of the first failed segment."""
        if not self.segments[Status.FAILED]:
            return None
        return next((row.reason for row in self.rows if row.score.status is Status.FAILED), None)

    @property
    def work_ms(self) -> float:
        """What the segments took."""
        return float(sum(chain.from_iterable(row.score.timings_ms.values() for row in self.rows)))


def clean_text(text: str | None) -> str | None:
    """Model output and error messages are data from outside: bounded, without NUL, valid UTF-8."""
    if text is None:
        return None
    return text[:_MAX_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def make_rows(result: UnitResult) -> list[RuleRows]:
    """Check that the unit is whole, and arrange it by rule and segment.

    Raises:
        StorageError: when a segment has no outcome or two, scores where there can be none, or none where there
            must be. Nothing incomplete is ever written.
    """
    segments = result.segments.rows
    if not segments or result.segments.frame_count != result.video.frame_count:
        raise StorageError(
            f"Video {result.video.video_id} has {result.video.frame_count} frames, its segments "
            f"{result.segments.frame_count}; load them again."
        )
    if len({rule.scoring_id for rule in result.rules}) != len(result.rules):
        raise StorageError("Two rule versions of a unit ask the models the same; planning names only one of them.")
    found: dict[tuple[int, int], SegmentScore] = {}
    for score in result.scores:
        key = score.rule_version_id, score.segment_index
        if key in found:
            raise _wrong(result.video, score, "came out twice")
        found[key] = score
    if len(found) != len(segments) * len(result.rules):
        raise StorageError(
            f"Video {result.video.video_id}: {len(found)} outcomes for {len(segments)} segments and "
            f"{len(result.rules)} rules; every segment needs one for every rule, if only `failed`."
        )
    recorded_at = result.video.recorded_at
    places = [(s, *segment_bounds(recorded_at, s), frame_moments(recorded_at, s)) for s in segments]
    moments = np.concatenate([place[3] for place in places])
    return [_rule_rows(result, rule, found, places, moments) for rule in result.rules]


def _rule_rows(
    result: UnitResult,
    rule: StoredRule,
    found: Mapping[tuple[int, int], SegmentScore],
    places: Sequence[tuple[StoredSegment, int, int, Micros]],  # with start, end and the frames' moments
    moments: Micros,
) -> RuleRows:
    frames = result.frame_scores.get(rule.rule_version_id)
    if frames is None or len(frames) != result.video.frame_count:
        raise StorageError(
            f"Video {result.video.video_id}, rule {rule.name}: there must be one score or NaN per frame."
        )
    frames = np.asarray(frames, dtype=np.float32)
    firsts = [stored.segment.first_frame for stored in result.segments.rows]
    scored = np.add.reduceat(~np.isnan(frames), firsts, dtype=np.int64).tolist()  # [segments] frames with a score
    lows, peaks = np.fmin.reduceat(frames, firsts).tolist(), np.fmax.reduceat(frames, firsts).tolist()
    rows = []
    by_status: dict[Status, list[SegmentRow]] = {status: [] for status in Status}
    for place, (stored, started, ended, when) in enumerate(places):
        score = found.get((rule.rule_version_id, stored.segment.index))
        if score is None:
            raise StorageError(
                f"Video {result.video.video_id}, rule {rule.name}: segment {stored.segment.index} has no outcome."
            )
        span = (lows[place], peaks[place]) if scored[place] else None
        _check(result.video, score, span)
        row = SegmentRow(
            stored=stored,
            score=score,
            started_us=started,
            ended_us=ended,
            frames=frames[stored.segment.first_frame : stored.segment.last_frame + 1],
            peak=None if span is None else span[1],
            moments=when,
            winning_text=None if score.text is None else clean_text(score.text),
            rationale=None if score.rationale is None else clean_text(score.rationale),
            reason=None if score.reason is None else clean_text(score.reason),
            raw_answer=None if score.raw_answer is None else clean_text(score.raw_answer),
        )
        rows.append(row)
        by_status[score.status].append(row)
    seconds = {s: float(sum(r.stored.end_s - r.stored.start_s for r in of)) for s, of in by_status.items()}
    return RuleRows(rule, tuple(rows), frames, moments, seconds, {status: len(of) for status, of in by_status.items()})


def _check(video: StoredVideo, score: SegmentScore, span: tuple[float, float] | None) -> None:
    """A segment's status, score and frame scores (lowest and highest, None: none) must not contradict each other."""
    if score.status in _HAVE_SCORES:
        if score.score is None or span is None:
            raise _wrong(video, score, f"is {score.status.value} but has no score")
        if not (span[0] >= 0 and span[1] <= 1):
            raise _wrong(video, score, "has frame scores outside 0 to 1")
    elif score.score is not None or span is not None:
        raise _wrong(video, score, f"is {score.status.value} but has a score")
    elif not score.reason:
        raise _wrong(video, score, f"is {score.status.value} without a reason")


def _wrong(video: StoredVideo, score: SegmentScore, what: str) -> StorageError:
    where = f"Video {video.video_id}, segment {score.segment_index}, rule version {score.rule_version_id}"
    return StorageError(f"{where} {what}; this is a fault of the scorer, please report it.")
