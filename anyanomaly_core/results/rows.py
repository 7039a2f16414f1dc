"""A unit of work's outcome, checked and made ready to be written to the database and to Parquet alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isnan

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import frame_moments, segment_bounds
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.scoring.events import Micros
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
    mask_digest: str | None = None  # of the footage's privacy mask; None: it has none
    certificate_id: int | None = None  # under which segments were left out


@dataclass(frozen=True, slots=True)
class RuleScores:
    """What a unit found out for one rule, checked: nothing of it is a copy."""

    rule: StoredRule
    scores: tuple[SegmentScore, ...]  # by segment
    frames: NDArray[np.float32]  # [F], NaN where unscored
    peaks: NDArray[np.float32]  # [segments], NaN where unscored
    seconds: Mapping[Status, float]
    segments: Mapping[Status, int]

    @property
    def state(self) -> str:
        """What the ledger says: done, partial or failed."""
        failed = self.segments[Status.FAILED]
        return "done" if failed == 0 else "failed" if failed == len(self.scores) else "partial"

    @property
    def last_error(self) -> str | None:
        """Reason of the first failed segment."""
        return next((storable_text(score.reason) for score in self.scores if score.status is Status.FAILED), None)

    @property
    def work_ms(self) -> float:
        """What the segments took."""
        return float(sum(chain.from_iterable(score.timings_ms.values() for score in self.scores)))


@dataclass(frozen=True, slots=True)
class UnitScores:
    """A unit's outcome, whole and without contradictions."""

    result: UnitResult
    bounds_us: tuple[tuple[int, int], ...]  # of each segment
    moments: Micros  # [F]
    rules: tuple[RuleScores, ...]


@dataclass(slots=True)  # frozen ones take three times as long to make, and there are very many
class SegmentRow:
    """A row of ``segment_scores``."""

    segment: Segment
    score: SegmentScore  # its texts are not cleaned; use the fields below
    started_us: int
    ended_us: int
    peak: float | None
    winning_text: str | None
    rationale: str | None
    reason: str | None
    raw_answer: str | None


@dataclass(frozen=True, slots=True)
class RuleRows:
    """All rows of one rule, by segment. They weigh much more than its scores: make them rule by rule."""

    rule: StoredRule
    rows: tuple[SegmentRow, ...]
    frames: NDArray[np.float32]  # [F] those of all rows
    moments: Micros  # [F] likewise


def storable_text(text: str | None) -> str | None:
    """Model output and error messages are data from outside: bounded, without NUL, valid UTF-8."""
    if text is None:
        return None
    return text[:_MAX_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def check_unit(result: UnitResult) -> UnitScores:
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
    recorded_at = result.video.recorded_at
    bounds = tuple(segment_bounds(recorded_at, segment) for segment in segments)
    moments = np.concatenate([frame_moments(recorded_at, segment) for segment in segments])
    rules = tuple(_check_rule(result, *pair) for pair in zip(result.rules, _by_rule(result), strict=True))
    return UnitScores(result, bounds, moments, rules)


def make_rows(unit: UnitScores, of_rule: RuleScores) -> RuleRows:
    """The rows of one rule."""
    segments = (stored.segment for stored in unit.result.segments.rows)
    peaks = of_rule.peaks.tolist()
    rows = tuple(
        SegmentRow(
            segment=segment,
            score=score,
            started_us=started_us,
            ended_us=ended_us,
            peak=None if isnan(peak) else peak,
            winning_text=None if score.text is None else storable_text(score.text),
            rationale=None if score.rationale is None else storable_text(score.rationale),
            reason=None if score.reason is None else storable_text(score.reason),
            raw_answer=None if score.raw_answer is None else storable_text(score.raw_answer),
        )
        for segment, score, (started_us, ended_us), peak in zip(
            segments, of_rule.scores, unit.bounds_us, peaks, strict=True
        )
    )
    return RuleRows(of_rule.rule, rows, of_rule.frames, unit.moments)


def _by_rule(result: UnitResult) -> list[tuple[SegmentScore, ...]]:
    """For each rule, its scores by segment: exactly one for each."""
    places = {stored.segment.index: place for place, stored in enumerate(result.segments.rows)}
    found: dict[int, list[SegmentScore | None]] = {rule.rule_version_id: [None] * len(places) for rule in result.rules}
    for score in result.scores:
        of_rule, place = found.get(score.rule_version_id), places.get(score.segment_index)
        if of_rule is None or place is None:
            raise _wrong(result.video, score, "was not asked for")
        if of_rule[place] is not None:
            raise _wrong(result.video, score, "came out twice")
        of_rule[place] = score
    if len(result.scores) != len(places) * len(result.rules):
        raise StorageError(
            f"Video {result.video.video_id}: {len(result.scores)} outcomes for {len(places)} segments and "
            f"{len(result.rules)} rules; every segment needs one for every rule, if only `failed`."
        )
    return [tuple(filter(None, found[rule.rule_version_id])) for rule in result.rules]


def _check_rule(result: UnitResult, rule: StoredRule, scores: tuple[SegmentScore, ...]) -> RuleScores:
    frames = result.frame_scores.get(rule.rule_version_id)
    if frames is None or len(frames) != result.video.frame_count:
        raise StorageError(
            f"Video {result.video.video_id}, rule {rule.name}: there must be one score or NaN per frame."
        )
    frames = np.asarray(frames, dtype=np.float32)
    firsts = [stored.segment.first_frame for stored in result.segments.rows]
    lows, peaks = np.fmin.reduceat(frames, firsts), np.fmax.reduceat(frames, firsts)  # [segments] NaN where unscored
    seconds, counts = dict.fromkeys(Status, 0.0), dict.fromkeys(Status, 0)
    for stored, score, low, peak in zip(result.segments.rows, scores, lows.tolist(), peaks.tolist(), strict=True):
        _check(result.video, score, None if isnan(peak) else (low, peak))
        seconds[score.status] += stored.end_s - stored.start_s
        counts[score.status] += 1
    return RuleScores(rule, scores, frames, peaks, seconds, counts)


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
