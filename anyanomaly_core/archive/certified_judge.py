"""The judge of a certificate: the language model's answer for single segments of many videos, each asked for once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from sqlalchemy import Engine

from anyanomaly_core.archive.certified_footage import CertifiedFootage
from anyanomaly_core.archive.footage import verified_footage
from anyanomaly_core.archive.scorer import ArchiveScorer
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.batches import prefetch, segment_batches
from anyanomaly_core.engine.embeddings import open_embeddings
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.results.known_answers import known_answers
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore, Status

log = logging.getLogger(__name__)


class SegmentJudge:
    """Asks the model for what is not known yet, video by video, and keeps every answer before it is used.

    A segment that continues a static scene has the answer of the one that began it, as in a scan. One that cannot be
    decoded or answered shows nothing, as far as anybody can say; it is counted as failed.

    Args:
        engine: with the writer's rights.
        settings: of the installation.
        scorer: with its models.
        rule: what is looked for.
        footage: where.
        answers: of an interrupted run, by number of the segment.
        keep: called with new answers, before they are used.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        scorer: ArchiveScorer,
        rule: StoredRule,
        footage: CertifiedFootage,
        *,
        answers: Mapping[int, SegmentScore],
        keep: Callable[[Mapping[int, SegmentScore]], None],
    ) -> None:
        self._engine, self._settings, self._scorer, self._footage = engine, settings, scorer, footage
        self._rule, self._keep = rule, keep
        self._texts = RuleTexts(rule.rule_version_id, rule.name, rule.definition.texts, rule.definition.excluded)
        self.answers = dict(answers)
        self.taken_over: set[int] = set()  # numbers of segments that an earlier scan had answered for
        self._opened: dict[int, SegmentedVideo] = {}
        self._looked_up: set[int] = set()

    def __call__(self, segments: Sequence[int]) -> list[bool]:
        """For each segment, whether its score reaches the rule's threshold."""
        self.ask(segments)
        return [self.reaches(segment, self._rule.definition.threshold) for segment in segments]

    def reaches(self, segment: int, threshold: float) -> bool:
        """Whether the score of a segment that was asked for is at least that; compared as scores are stored."""
        score = self.answers[int(self._footage.scene[segment])].score
        return score is not None and bool(np.float32(score) >= np.float32(threshold))

    def ask(self, segments: Sequence[int]) -> None:
        """Have these judged together, as far as they are not known.

        Raises:
            ModelError: when a model breaks as a whole. What was judged is kept.
        """
        wanted: dict[int, list[int]] = {}
        for scene in np.unique(self._footage.scene[np.asarray(segments, np.int64)]).tolist():
            if scene not in self.answers:
                wanted.setdefault(self._footage.place(scene)[0], []).append(scene)
        for video, numbers in wanted.items():
            self.take_over(video)
            if unknown := [number for number in numbers if number not in self.answers]:
                answers = self._judge(video, unknown)
                self._keep(answers)
                self.answers |= answers

    def take_over(self, video: int) -> None:
        """Know what another scan of these models has said of a video."""
        if video in self._looked_up:
            return
        self._looked_up.add(video)
        stored, scorer_id = self._footage.videos[video], self._scorer.stored.scorer_id
        mask = self._footage.masks[video]
        digest = None if mask is None else mask.digest
        with self._engine.connect() as connection:
            known = known_answers(connection, stored.video_id, [self._rule], scorer_id, digest)
        numbers = self._footage.numbers(video)
        places = {segment.index: number for number, segment in zip(numbers, self._segments(video), strict=True)}
        found = {places[index]: row for (index, _), row in known.items() if index in places}
        scene = self._footage.scene  # a scene is answered for by its first segment
        found = {number: row for number, row in found.items() if scene[number] == number}
        found = {number: row for number, row in found.items() if number not in self.answers}
        self._keep(found)
        self.answers |= found
        self.taken_over |= found.keys()

    def _judge(self, video: int, numbers: Sequence[int]) -> dict[int, SegmentScore]:
        segments = {self._footage.place(number)[1].index: number for number in numbers}
        rows: dict[int, SegmentScore] = {}
        reason = "decoding gave fewer frames than at ingest"
        stored, models = self._footage.videos[video], self._scorer.models
        mask = self._footage.masks[video]
        try:
            opened = self._open(video)
            wanted = [segment for segment in opened.segments if segment.index in segments]
            batches = segment_batches(
                opened.path, wanted, size=opened.size, limits=Limits.of(self._settings), mask=opened.mask
            )
            with ExitStack() as stack:
                revision = models.revisions.get("encoder")
                kept = open_embeddings(self._settings, stored.content_sha256, models.profile, revision, mask)
                embeddings = stack.enter_context(kept)
                for batch in prefetch(batches):
                    known = batch
                    if embeddings is not None:
                        known = [replace(one, encoded=embeddings.known(one.segment)) for one in batch]
                    rows |= {segments[row.segment_index]: row for row in models.scorer.score(known, [self._texts])}
                    if embeddings is not None:
                        embeddings.learn(known)
        except FootageError as error:
            reason = str(error)
            log.warning("%s: %s", stored.uri, reason)
        for index, number in segments.items():
            if number not in rows:
                rows[number] = SegmentScore(index, self._texts.rule_version_id, Status.FAILED, reason=reason)
        return rows

    def _open(self, video: int) -> SegmentedVideo:
        """Its file, checked once a run; frames are those that the index of footage has confirmed."""
        if video not in self._opened:
            stored = self._footage.videos[video]
            path = verified_footage(self._settings, stored)
            self._opened[video] = SegmentedVideo.of(
                path,
                tuple(self._segments(video)),
                self._scorer.profile,
                mask=self._footage.masks[video],
                content_sha256=stored.content_sha256,
            )
        return self._opened[video]

    def _segments(self, video: int) -> list[Segment]:
        return self._footage.segments[video].segments
