"""The scores of a video's segments for all its rules, from where an interrupted pass stopped."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from anyanomaly_core.engine.batches import MAX_BATCH_SEGMENTS, map_ahead, prefetch, segment_batches
from anyanomaly_core.engine.cascade import Cascade, JudgingPlan, merge_batches, plan_judging
from anyanomaly_core.engine.embeddings import VideoEmbeddings
from anyanomaly_core.engine.journal import ScoreJournal
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.static_scenes import DecodedSegment, carried_score, follow_scenes
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError, FrameIndexError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.scoring.types import RuleTexts, Scorer, SegmentFrames, SegmentScore, SelectionReason, Status

log = logging.getLogger(__name__)

KnownScores = Mapping[tuple[int, int], SegmentScore]  # (segment, rule version) -> its row
MOST_GATHERED = 8 * MAX_BATCH_SEGMENTS  # segments of a batch when most of them are pruned


def iter_segment_scores(
    video: SegmentedVideo,
    rules: Sequence[RuleTexts],
    scorer: Scorer,
    journal: ScoreJournal | None = None,
    *,
    limits: Limits,
    progress: Progress = no_progress,
    embeddings: VideoEmbeddings | None = None,
    cascade: Cascade | None = None,
    known: KnownScores | None = None,
    batches_ahead: int = 0,
) -> Iterator[list[SegmentScore]]:
    """Score a video batch by batch: rows of whole segments, each segment once, those of an interrupted pass first.

    Finished segments go into the journal at once, where there is one. A segment that cannot be decoded is FAILED with
    the reason. What ``embeddings`` holds is not encoded again, and what is encoded is kept there. With a ``cascade``
    the video is decoded twice: all of it is ranked before anything is judged, and most segments come out PRUNED. What
    ``known`` says is taken over where the scorer would have been asked. While a batch waits for a model server, so many
    ``batches_ahead`` are encoded and asked about; that changes no score.

    Raises:
        FrameIndexError: the video's frames are not those that its packets stated; finished segments are in the journal.
        ModelError: when a model breaks as a whole. What was finished stays in the journal.
    """
    done = _finished_segments(journal.read() if journal is not None else (), rules)
    waiting = [segment for segment in video.segments if segment.index not in done]
    if done:
        taken = f"{len(done)} of {len(video.segments)} segments"
        log.info("%s: %s taken over from an interrupted try", video.path.name, taken)
        yield [row for rows in done.values() for row in rows]
    progress(len(done), len(video.segments))
    reason = "decoding gave fewer frames than at ingest"
    plan = _plan(video, rules, cascade, limits, embeddings) if cascade is not None and waiting else None
    judge = _Judge(rules, scorer, embeddings, plan, known or {})
    finished = set(done)

    def new_of(batch: Sequence[DecodedSegment]) -> list[DecodedSegment]:
        return [segment for segment in batch if segment.frames.segment.index not in done]

    try:
        decoded = prefetch(_batches(video, waiting, limits, plan))
        for batch, judged in map_ahead(lambda batch: (batch, judge.ask(new_of(batch))), decoded, batches_ahead):
            judge.remember([row for segment in batch for row in done.get(segment.frames.segment.index, [])])
            scores = judge.score(new_of(batch), judged)
            if not scores:
                continue
            if journal is not None:
                journal.append(scores)
            finished |= {row.segment_index for row in scores}
            progress(len(finished), len(video.segments))
            yield scores
    except FrameIndexError:
        raise
    except FootageError as error:
        reason = str(error)
    if missing := [segment for segment in waiting if segment.index not in finished]:
        yield [_undecoded_row(segment, rule, reason) for segment in missing for rule in rules]


def sort_by_segment(video: SegmentedVideo, batches: Iterable[Sequence[SegmentScore]]) -> list[SegmentScore]:
    """All rows of a video, segments outer."""
    by_segment = _by_segment([row for batch in batches for row in batch])
    return [row for segment in video.segments for row in by_segment[segment.index]]


class _Judge:
    """Scores what must be looked at and takes over what need not be.

    ``ask`` depends on no other batch and may run for several at once; ``score`` and ``remember`` go by order.
    """

    def __init__(
        self,
        rules: Sequence[RuleTexts],
        scorer: Scorer,
        embeddings: VideoEmbeddings | None,
        plan: JudgingPlan | None,
        known: KnownScores,
    ) -> None:
        self._rules, self._scorer, self._embeddings, self._plan, self._known = rules, scorer, embeddings, plan, known
        self._last: dict[int, SegmentScore] = {}  # rule version -> its row of the scene that goes on, if it has a score

    def ask(self, batch: Sequence[DecodedSegment]) -> dict[int, list[SegmentScore]]:
        """Map each segment that begins a scene to its rows."""
        return self._judge([decoded.frames for decoded in batch if decoded.same_as is None], self._rules)

    def score(self, batch: Sequence[DecodedSegment], judged: Mapping[int, list[SegmentScore]]) -> list[SegmentScore]:
        """Rows of all segments, segments outer. A rule whose answer failed is asked again while the scene goes on."""
        rows = dict(judged)
        for decoded in batch:
            index = decoded.frames.segment.index
            if decoded.same_as is not None:
                rows[index] = self._carry(decoded.frames)
            self.remember(rows[index])
        return [row for decoded in batch for row in rows[decoded.frames.segment.index]]

    def remember(self, rows: Sequence[SegmentScore]) -> None:
        """Rows of segments in order: a row is what later segments of its scene take over."""
        for row in rows:
            if row.status is Status.SCORED:
                self._last[row.rule_version_id] = row
            elif row.status is not Status.CARRIED:
                self._last.pop(row.rule_version_id, None)

    def _carry(self, segment: SegmentFrames) -> list[SegmentScore]:
        index = segment.segment.index
        # The audit asks whatever it draws, so that its sample is as likely to hold one segment as another.
        to_judge = [
            rule
            for rule in self._rules
            if rule.rule_version_id not in self._last or self._chosen(index, rule) is SelectionReason.AUDIT
        ]
        judged = {row.rule_version_id: row for row in self._judge([segment], to_judge).get(index, [])}
        ids = [rule.rule_version_id for rule in self._rules]
        return [judged[rule] if rule in judged else carried_score(self._last[rule], segment) for rule in ids]

    def _judge(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> dict[int, list[SegmentScore]]:
        """Map each segment to a row for each rule: the scorer's, one that is known, or PRUNED."""
        found: dict[tuple[int, int], SegmentScore] = {}
        together: dict[tuple[int, ...], list[SegmentFrames]] = {}  # places of rules -> segments to ask about for these
        for segment in segments:
            index, asked = segment.segment.index, []
            for place, rule in enumerate(rules):
                key = index, rule.rule_version_id
                if self._plan is not None and self._chosen(index, rule) is None:
                    found[key] = self._plan.pruned_row(index, rule)
                elif key in self._known:
                    found[key] = self._known[key]
                else:
                    asked.append(place)
            if asked:
                together.setdefault(tuple(asked), []).append(segment)
        for places, of_them in together.items():
            for row in self._ask(of_them, [rules[place] for place in places]):
                found[row.segment_index, row.rule_version_id] = row
        indices = [segment.segment.index for segment in segments]
        return {
            index: [self._with_selection(found[index, rule.rule_version_id], rule) for rule in rules]
            for index in indices
        }

    def _chosen(self, segment: int, rule: RuleTexts) -> SelectionReason | None:
        return None if self._plan is None else self._plan.chosen(segment, rule.rule_version_id)

    def _with_selection(self, row: SegmentScore, rule: RuleTexts) -> SegmentScore:
        if self._plan is None:
            return row
        return self._plan.with_rank_time(replace(row, chosen=self._chosen(row.segment_index, rule)))

    def _ask(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        if self._embeddings is None:
            return self._scorer.score(segments, rules)
        known = [replace(segment, encoded=self._embeddings.known(segment.segment)) for segment in segments]
        scores = self._scorer.score(known, rules)
        self._embeddings.learn(known)
        return scores


def _plan(
    video: SegmentedVideo,
    rules: Sequence[RuleTexts],
    cascade: Cascade,
    limits: Limits,
    embeddings: VideoEmbeddings | None,
) -> JudgingPlan:
    batches = prefetch(_batches(video, video.segments, limits, None))
    return plan_judging(
        cascade, rules, batches, name=video.path.name, segments=len(video.segments), embeddings=embeddings
    )


def _batches(
    video: SegmentedVideo, waiting: Sequence[Segment], limits: Limits, plan: JudgingPlan | None
) -> Iterator[Sequence[DecodedSegment]]:
    """What carries may depend on any earlier segment, so then all are decoded again, scored or not."""
    wanted = video.segments if waiting and video.static_level > 0 else waiting
    decoded = segment_batches(
        video.path,
        wanted,
        size=video.size,
        limits=limits,
        mask=video.mask,
        stated_frames=video.stated_frames,
    )
    in_scenes = follow_scenes(decoded, video.static_level)
    if plan is None:
        return in_scenes
    indices = {segment.index for segment in waiting}
    return merge_batches(
        in_scenes,
        lambda index: index in indices and plan.is_needed(index),
        most_needed=MAX_BATCH_SEGMENTS,
        most=MOST_GATHERED,
    )


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


def _undecoded_row(segment: Segment, rule: RuleTexts, reason: str) -> SegmentScore:
    return SegmentScore(
        segment_index=segment.index,
        rule_version_id=rule.rule_version_id,
        status=Status.FAILED,
        reason=f"frames {segment.first_frame} to {segment.last_frame} could not be decoded: {reason}",
    )
