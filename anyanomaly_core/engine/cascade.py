"""The first pass of a cascade: every segment of a video is ranked for every rule, then what is to be judged is decided.

In memory: two batches of decoded segments, and four bytes for each segment and text. Embeddings of frames are kept, so
the second pass, a later rule or another try encodes no frame again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.engine.embeddings import VideoEmbeddings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.engine.selection import Selection, seed, select
from anyanomaly_core.engine.static_scenes import DecodedSegment
from anyanomaly_core.errors import FootageError, FrameIndexError
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.footage.unusual import amount_of_motion, find_unusual
from anyanomaly_core.profile import CascadeSpec
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, SelectionReason, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a scan needs to prune a video."""

    spec: CascadeSpec
    ranker: Ranker
    content_sha256: str  # of the video
    scorer_digest: str


@dataclass(frozen=True, slots=True)
class JudgingPlan:
    """Which segments of a video are judged for which rule."""

    selections: dict[int, Selection]  # rule version -> decision
    rank_ms: NDArray[np.float32]  # [S] time that ranking each segment took

    def chosen(self, segment: int, rule_version_id: int) -> SelectionReason | None:
        """See ``Selection.chosen``."""
        return self.selections[rule_version_id].chosen(segment)

    def is_needed(self, segment: int) -> bool:
        """Whether some rule may have to judge the segment, so that its images are needed."""
        return any(selection.chosen(segment) is not None for selection in self.selections.values())

    def pruned_row(self, segment: int, rule: RuleTexts) -> SegmentScore:
        """The row of a segment that is left out."""
        reason = self.selections[rule.rule_version_id].why_not(segment)
        return SegmentScore(segment, rule.rule_version_id, Status.PRUNED, reason=reason)

    def with_rank_time(self, row: SegmentScore) -> SegmentScore:
        """The row with its share of the time that ranking took."""
        spent = float(self.rank_ms[row.segment_index]) / len(self.selections)
        return replace(row, timings_ms={**row.timings_ms, "rank": spent})


def plan_judging(
    cascade: Cascade,
    rules: Sequence[RuleTexts],
    batches: Iterable[Sequence[DecodedSegment]],
    *,
    name: str,
    segments: int,
    embeddings: VideoEmbeddings | None,
) -> JudgingPlan:
    """Rank a whole video and decide.

    A segment that cannot be decoded is not ranked; why, the second pass says.

    Args:
        cascade: settings, encoder and seeds.
        rules: to rank for.
        batches: all segments of the video, decoded, in order.
        name: of the video, for the log.
        segments: how many there are.
        embeddings: kept ones.
    """
    texts = [cascade.ranker.texts(rule) for rule in rules]
    similarities = [np.full((segments, 1 if own is None else len(own)), np.nan, np.float32) for own in texts]
    amounts = np.full(segments, np.nan, np.float32)
    same_as = np.arange(segments, dtype=np.int32)
    rank_ms = np.zeros(segments, np.float32)
    progress = LoggedProgress(f"{name}, ranking")
    progress(0, segments)
    for decoded in _decodable(name, batches):
        start = time.perf_counter()
        index = decoded.frames.segment.index
        amounts[index] = amount_of_motion(decoded.frames.cells(), apart=_apart(cascade.spec, decoded.frames.segment))
        if decoded.same_as is not None:
            same_as[index] = decoded.same_as
        else:
            for table, row in zip(similarities, _similarities(cascade, decoded.frames, texts, embeddings), strict=True):
                table[index] = np.nan if row is None else row
        rank_ms[index] = (time.perf_counter() - start) * 1000
        progress(index + 1, segments)
    if embeddings is not None:
        embeddings.flush()  # a try that dies while judging leaves them to the next
    moving = _moving(amounts, cascade.spec.motion)
    selections = {
        rule.rule_version_id: select(
            cascade.spec, table, same_as, moving, seed(cascade.content_sha256, cascade.scorer_digest, rule)
        )
        for rule, table in zip(rules, similarities, strict=True)
    }
    return JudgingPlan(selections, rank_ms)


def merge_batches(
    batches: Iterable[Sequence[DecodedSegment]], needed: Callable[[int], bool], *, most_needed: int, most: int
) -> Iterator[list[DecodedSegment]]:
    """The same segments in larger batches, images only of those that are needed.

    Where one segment in five is judged, batches as they are decoded would leave the language model idle.

    Args:
        batches: decoded segments in order.
        needed: whether a segment's images will be asked for.
        most_needed: a batch ends with the decoded batch that brings it to so many of these,
        most: or to so many segments in all.
    """
    held: list[DecodedSegment] = []
    count = 0
    for batch in batches:
        for decoded in batch:
            keep = needed(decoded.frames.segment.index)
            count += keep
            held.append(decoded if keep else replace(decoded, frames=SegmentFrames(decoded.frames.segment, ())))
        if count >= most_needed or len(held) >= most:
            yield held
            held, count = [], 0
    if held:
        yield held


def _decodable(name: str, batches: Iterable[Sequence[DecodedSegment]]) -> Iterator[DecodedSegment]:
    try:
        for batch in batches:
            yield from batch
    except FrameIndexError:
        raise
    except FootageError as error:
        log.warning("%s: ranked as far as it can be decoded: %s", name, error)


def _similarities(
    cascade: Cascade,
    segment: SegmentFrames,
    texts: Sequence[NDArray[np.float32] | None],
    embeddings: VideoEmbeddings | None,
) -> list[NDArray[np.float32] | None]:
    """As ``Ranker.similarities``, through the kept embeddings."""
    if embeddings is None:
        return cascade.ranker.similarities(segment, texts)
    known = replace(segment, encoded=embeddings.known(segment.segment))
    rows = cascade.ranker.similarities(known, texts)
    embeddings.learn([known])
    return rows


def _apart(spec: CascadeSpec, segment: Segment) -> int:
    """Samples between two pictures that are compared for motion."""
    if spec.motion_s is None or segment.sample_s <= 0:
        return 1
    return max(1, round(spec.motion_s / segment.sample_s))


def _moving(amounts: NDArray[np.float32], deviations: float | None) -> NDArray[np.bool_]:
    """[S] moves strangely; False for what could not be decoded."""
    moving = np.zeros(len(amounts), np.bool_)
    decoded = np.isfinite(amounts)
    if deviations is not None:
        moving[decoded] = find_unusual(amounts[decoded], deviations)
    return moving
