"""Scoring one video for all its rules, from where an earlier try stopped."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.scanning.embeddings import VideoEmbeddings
from anyanomaly_core.scanning.journal import Journal
from anyanomaly_core.scanning.static import Shown, compared, taken_over
from anyanomaly_core.scanning.stream import prefetched, segment_batches
from anyanomaly_core.scoring.types import RuleTexts, Scorer, SegmentFrames, SegmentScore, Status

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # segments done, segments in all


def silent(_done: int, _total: int) -> None:
    """No progress shown."""


@dataclass(frozen=True, slots=True)
class VideoToScore:
    """A local file and how it was split at ingest."""

    path: Path
    segments: tuple[Segment, ...]  # in order, covering the whole file
    step: int  # every step-th frame is sampled
    size: tuple[int, int] | None  # of the decoded images; None: the file's own
    mask: Mask | None = None  # what no model gets to see
    static_level: float = 0.0  # see ``stillness.still_scene``; 0: no segment is carried


def score_video(
    video: VideoToScore,
    rules: Sequence[RuleTexts],
    scorer: Scorer,
    journal: Journal,
    *,
    limits: Limits,
    progress: Progress = silent,
    embeddings: VideoEmbeddings | None = None,
) -> list[SegmentScore]:
    """Score every segment of a video; one row per (segment, rule), segments outer.

    Finished segments go into the journal at once. A segment that cannot be decoded is FAILED with the reason.
    What ``embeddings`` holds is not encoded again, and what is encoded is kept there.

    Raises:
        ModelError: when a model breaks as a whole. What was finished stays in the journal.
    """
    done = _finished_segments(journal.read(), rules)
    waiting = [segment for segment in video.segments if segment.index not in done]
    if done:
        taken = f"{len(done)} of {len(video.segments)} segments"
        log.info("%s: %s taken over from an interrupted try", video.path.name, taken)
    progress(len(done), len(video.segments))
    reason = "decoding gave fewer frames than at ingest"
    judge = _Judge(rules, scorer, embeddings)
    batches = prefetched(_batches(video, waiting, limits))
    try:
        for batch in batches:
            judge.remember([row for shown in batch for row in done.get(shown.frames.segment.index, [])])
            scores = judge.score([shown for shown in batch if shown.frames.segment.index not in done])
            if not scores:
                continue
            journal.append(scores)
            done |= _by_segment(scores)
            progress(len(done), len(video.segments))
    except FootageError as error:
        reason = str(error)
    for segment in video.segments:
        if segment.index not in done:
            done[segment.index] = [_undecoded(segment, rule, reason) for rule in rules]
    return [score for segment in video.segments for score in done[segment.index]]


class _Judge:
    """Scores what must be looked at and takes over what need not be."""

    def __init__(self, rules: Sequence[RuleTexts], scorer: Scorer, embeddings: VideoEmbeddings | None) -> None:
        self._rules, self._scorer, self._embeddings = rules, scorer, embeddings
        self._last: dict[int, SegmentScore] = {}  # rule version -> its row of the scene that goes on, if it has a score

    def score(self, batch: Sequence[Shown]) -> list[SegmentScore]:
        """Rows of all segments, segments outer. A rule whose answer failed is asked again while the scene goes on."""
        looked_at = [shown.frames for shown in batch if shown.same_as is None]
        rows = _by_segment(self._ask(looked_at, self._rules))
        for shown in batch:
            index = shown.frames.segment.index
            if shown.same_as is not None:
                rows[index] = self._carry(shown.frames)
            self.remember(rows[index])
        return [row for shown in batch for row in rows[shown.frames.segment.index]]

    def remember(self, rows: Sequence[SegmentScore]) -> None:
        """Rows of segments in order: a row is what later segments of its scene take over."""
        for row in rows:
            if row.status is Status.SCORED:
                self._last[row.rule_version_id] = row
            elif row.status is not Status.CARRIED:
                self._last.pop(row.rule_version_id, None)

    def _carry(self, segment: SegmentFrames) -> list[SegmentScore]:
        lacking = [rule for rule in self._rules if rule.rule_version_id not in self._last]
        asked = {row.rule_version_id: row for row in self._ask([segment], lacking)} if lacking else {}
        ids = [rule.rule_version_id for rule in self._rules]
        return [asked[rule] if rule in asked else taken_over(self._last[rule], segment) for rule in ids]

    def _ask(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        if not segments:
            return []
        if self._embeddings is None:
            return self._scorer.score(segments, rules)
        known = [replace(segment, encoded=self._embeddings.known(segment.segment)) for segment in segments]
        scores = self._scorer.score(known, rules)
        self._embeddings.learn(known)
        return scores


def _batches(video: VideoToScore, waiting: Sequence[Segment], limits: Limits) -> Iterator[list[Shown]]:
    """What carries may depend on any earlier segment, so then all are decoded again, scored or not."""
    wanted = video.segments if waiting and video.static_level > 0 else waiting
    decoded = segment_batches(video.path, wanted, step=video.step, size=video.size, limits=limits, mask=video.mask)
    return compared(decoded, video.static_level)


def _finished_segments(scores: Sequence[SegmentScore], rules: Sequence[RuleTexts]) -> dict[int, list[SegmentScore]]:
    """Segments of the journal that have a row for every rule, rows in the order of the rules."""
    wanted = [rule.rule_version_id for rule in rules]
    finished = {}
    for index, rows in _by_segment(scores).items():
        by_rule = {row.rule_version_id: row for row in rows}
        if all(rule in by_rule for rule in wanted):
            finished[index] = [by_rule[rule] for rule in wanted]
    return finished


def _by_segment(scores: Sequence[SegmentScore]) -> dict[int, list[SegmentScore]]:
    rows: dict[int, list[SegmentScore]] = {}
    for score in scores:
        rows.setdefault(score.segment_index, []).append(score)
    return rows


def _undecoded(segment: Segment, rule: RuleTexts, reason: str) -> SegmentScore:
    return SegmentScore(
        segment_index=segment.index,
        rule_version_id=rule.rule_version_id,
        status=Status.FAILED,
        reason=f"frames {segment.first_frame} to {segment.last_frame} could not be decoded: {reason}",
    )
