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
    batches = prefetched(_batches(video, waiting, limits))
    try:
        for batch in batches:
            scores = _score(batch, rules, scorer, embeddings)
            journal.append(scores)
            done |= _by_segment(scores)
            progress(len(done), len(video.segments))
    except FootageError as error:
        reason = str(error)
    for segment in video.segments:
        if segment.index not in done:
            done[segment.index] = [_undecoded(segment, rule, reason) for rule in rules]
    return [score for segment in video.segments for score in done[segment.index]]


def _score(
    batch: Sequence[SegmentFrames], rules: Sequence[RuleTexts], scorer: Scorer, embeddings: VideoEmbeddings | None
) -> list[SegmentScore]:
    if embeddings is None:
        return scorer.score(batch, rules)
    known = [replace(segment, encoded=embeddings.known(segment.segment)) for segment in batch]
    scores = scorer.score(known, rules)
    embeddings.learn(known)
    return scores


def _batches(video: VideoToScore, waiting: Sequence[Segment], limits: Limits) -> Iterator[list[SegmentFrames]]:
    return segment_batches(video.path, waiting, step=video.step, size=video.size, limits=limits, mask=video.mask)


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
