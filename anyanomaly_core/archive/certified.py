"""A backfill that stops once a stated share of what the language model would find has been found, and certifies it.

The encoder orders the segments of all the footage, the model judges, found events are followed to their ends, and
``engine.certificate`` says when it is enough. Then every video is committed: what was judged with its scores, the rest
``pruned`` under the certificate. A run that is killed goes on: footage, order and seed are fixed at the beginning, and
answers are kept, so it takes the same way again without asking twice.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.archive.backfill import profile_name
from anyanomaly_core.archive.certified_commit import CertifiedCommit
from anyanomaly_core.archive.certified_footage import CertifiedFootage, encoder_order, load_footage
from anyanomaly_core.archive.certified_judge import SegmentJudge
from anyanomaly_core.archive.footage_index import (
    IndexEncoder,
    index_videos,
    missing_from_index,
    register_index_encoder,
)
from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.scan import ScanResult, segment_progress
from anyanomaly_core.archive.scorer import ArchiveScorer, load_scorer
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.certificate import Level, Target, find_until_certain
from anyanomaly_core.engine.progress import Stages
from anyanomaly_core.errors import ConfigurationError, FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.certificates import (
    CertifiedScan,
    StoredCertificate,
    abandon_certificate,
    begin_certificate,
    finish_certificate,
    keep_answers,
    kept_answers,
    record_judgements,
    scored_in_part,
    unfinished_certificate,
    was_certified,
)
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.spending import Meter
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.types import SegmentScore, Status

log = logging.getLogger(__name__)

BATCH = 32  # segments that are decoded and judged together


@dataclass(frozen=True, slots=True)
class CertifiedTarget:
    """What a person asks for."""

    recall: float
    confidence: float
    level: Level
    budget: int | None = None  # segments that are judged at most


@dataclass(slots=True)
class CertifiedBackfill:
    """What a certified backfill did; no document: the rule lacks nothing of the footage."""

    document: dict[str, Any] | None = None
    result: ScanResult = field(default_factory=ScanResult)


def certified_backfill(
    engine: Engine,
    settings: Settings,
    rule: StoredRule,
    selection: FootageSelection,
    *,
    wanted: CertifiedTarget,
    run_id: int,
    started_at: datetime | None,
    stages: Stages,
    committed: Callable[[], None] = lambda: None,
) -> CertifiedBackfill:
    """Judge until the target is reached, and commit all videos of the selection that the rule lacks.

    Args:
        engine: with the writer's rights.
        settings: of the installation.
        rule: what is looked for.
        selection: of footage.
        wanted: what is to be promised.
        run_id: of the run that pays.
        started_at: of its process.
        stages: is told each long step.
        committed: called after each commit.

    Raises:
        ConfigurationError: when the profile's answers cannot be certified, or another process is at it.
        ModelError: when a model breaks as a whole. Answers are kept for the next try.
        StorageError: when results cannot be written.
    """
    profile = load_profile(profile_name(rule, settings))
    if profile.scoring.scorer != "anyanomaly":
        raise ConfigurationError(
            f"Profile {profile.name} scores by {profile.scoring.scorer}; only the answers of a language model about "
            "whole segments can be certified. Choose a profile with the scorer anyanomaly."
        )
    scorer = load_scorer(engine, profile, settings)
    meter = Meter(engine, run_id, scorer.stored.scorer_id, started_at, patience_s=settings.database_patience_s)
    meter.record_start()
    run = _Certification(engine, settings, rule, selection, wanted, scorer, meter, stages, committed)
    key = f"certificate of {rule.rule_version_id} by {scorer.stored.scorer_id}"
    with engine.connect() as connection:
        lock = text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
        if not connection.execute(lock, {"key": key}).scalar_one():
            raise ConfigurationError(
                f"Another process certifies rule {rule.name!r} with these models; wait for it, or end it."
            )
        connection.commit()  # the lock is the session's
        try:
            return run.run()
        finally:
            with suppress(DBAPIError):  # the database was away meanwhile, and the lock went with the session
                connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), {"key": key})
                connection.commit()


@dataclass(frozen=True, slots=True)
class _Certification:
    engine: Engine
    settings: Settings
    rule: StoredRule
    selection: FootageSelection
    wanted: CertifiedTarget
    scorer: ArchiveScorer
    meter: Meter
    stages: Stages
    committed: Callable[[], None]

    def run(self) -> CertifiedBackfill:
        profile = self.scorer.profile
        model = self.scorer.models.encoder or load_encoder(profile, self.settings)
        encoder = register_index_encoder(self.engine, profile, model, self.settings)
        scan = CertifiedScan(
            self.rule.rule_version_id,
            self.scorer.stored.scorer_id,
            encoder.stored.encoder_id,
            self._asked(),
            self._target(),
            self.wanted.budget,
        )
        begun = self._resume(scan) or self._begin(scan, encoder)
        return CertifiedBackfill() if begun is None else self._certify(scan, *begun)

    def _resume(self, scan: CertifiedScan) -> tuple[StoredCertificate, CertifiedFootage] | None:
        """What a run that was killed had begun; None: nothing, or its footage has changed."""
        with self.engine.connect() as connection:
            begun = unfinished_certificate(connection, scan)
        if begun is None:
            return None
        footage = load_footage(self.engine, self.settings, self.scorer.profile, scan.encoder_id, [*begun.videos])
        if footage is not None and footage.count == begun.segments:
            return begun, footage
        log.warning("Footage of certificate %d has changed since it began; a new one begins.", begun.certificate_id)
        with self.engine.begin() as connection:
            abandon_certificate(connection, begun.certificate_id)
        return None

    def _begin(self, scan: CertifiedScan, encoder: IndexEncoder) -> tuple[StoredCertificate, CertifiedFootage] | None:
        """A new one; None: the rule lacks nothing of the footage."""
        with self.engine.connect() as connection:
            stronger = not was_certified(connection, scan)
            work = missing_work(connection, [self.rule], scan.scorer_id, self.selection, certified_too=stronger)
            in_part = scored_in_part(connection, self.rule.scoring_id, scan.scorer_id)
            lacking = missing_from_index(connection, self.settings, encoder.profile, self.selection)
        # What a scan has scored in part, the next one finishes: its scores are not to be replaced by fewer.
        wanted = [unit.video.video_id for unit in work if unit.video.video_id not in in_part]
        if not wanted:
            return None
        if to_index := [video for video in lacking if video.video_id in {*wanted}]:
            progress = segment_progress(to_index, encoder.profile, self.stages("indexing", "segments"))
            run_id = self.meter.run_id
            index_videos(self.engine, to_index, encoder, settings=self.settings, run_id=run_id, progress=progress)
        footage = load_footage(self.engine, self.settings, self.scorer.profile, scan.encoder_id, wanted)
        if footage is None:
            raise FootageError("Footage expired or was replaced while it was indexed; begin again.")
        order = encoder_order(self.engine, Ranker(encoder.model), self.rule, scan.encoder_id, footage)
        counts = {video.video_id: len(of.segments) for video, of in zip(footage.videos, footage.segments, strict=True)}
        with self.engine.begin() as connection:
            seed = secrets.randbits(62)
            begun = begin_certificate(connection, scan, counts, order, seed=seed, run_id=self.meter.run_id)
        return begun, footage

    def _asked(self) -> dict[str, Any]:
        """The footage, and what is hidden of it: answers about other pictures are not gone on with."""
        first, last, masks = self.selection.first_day, self.selection.last_day, self.settings.privacy_masks
        return {
            "cameras": sorted(self.selection.cameras),
            "first_day": None if first is None else first.isoformat(),
            "last_day": None if last is None else last.isoformat(),
            "masks": None if masks is None else sha256(masks),
        }

    def _target(self) -> Target:
        """Events shorter than the rule counts are none."""
        sampling, least = self.scorer.profile.sampling, 1
        if self.wanted.level is Level.EVENTS and sampling.segment_s is not None:
            least = max(1, int(self.rule.definition.min_duration_s / sampling.segment_s))
        return Target(self.wanted.recall, self.wanted.confidence, self.wanted.level, least)

    def _certify(self, scan: CertifiedScan, begun: StoredCertificate, footage: CertifiedFootage) -> CertifiedBackfill:
        number, patience_s = begun.certificate_id, self.settings.database_patience_s
        with self.engine.connect() as connection:
            before = kept_answers(connection, number)
        progress = self.stages(f"judging for certificate {number}", "segments")

        def keep(answers: Mapping[int, SegmentScore]) -> None:
            def write() -> None:
                with self.engine.begin() as connection:
                    keep_answers(connection, number, answers)

            with_database_retry(self.engine, patience_s, write)
            progress(len(judge.answers) + len(answers), footage.count)

        judge = SegmentJudge(self.engine, self.settings, self.scorer, self.rule, footage, answers=before, keep=keep)
        for place in range(len(footage.videos)):  # whatever is known stays, asked for or not
            judge.take_over(place)
        document = begun.document
        if document is None:
            certificate, judgements = find_until_certain(
                begun.order.tolist(),
                judge,
                scan.target,
                seed=begun.seed,
                begins=footage.first.tolist(),
                budget=scan.budget,
                batch=BATCH,
                ahead=judge.ask,
            )
            self._follow_release(judge, footage, {one.segment for one in judgements if one.found})
            self.meter.record_judging()
            document = certificate.as_dict() | self._about(number, scan, footage, judge)
            with self.engine.begin() as connection:
                record_judgements(connection, number, judgements, document, reached=certificate.reached)
        done = CertifiedBackfill(document)
        job = CertifiedCommit(
            self.engine, self.settings, self.rule, self.scorer, self.meter, number, self._pruned(number)
        )
        told = self.stages(f"writing what certificate {number} is about", "videos")
        job.run(footage, judge.answers, done.result, progress=told, committed=self.committed)
        with self.engine.begin() as connection:
            finish_certificate(connection, number)
        return done

    def _pruned(self, number: int) -> str:
        """Why a segment has no score."""
        wanted = self.wanted
        share = f"{wanted.recall:g} of the {wanted.level.value} at a confidence of {wanted.confidence:g}"
        return f"left out under certificate {number}: {share}"

    def _follow_release(self, judge: SegmentJudge, footage: CertifiedFootage, found: set[int]) -> None:
        """Outwards from what was found, as long as an event lasts that has begun."""
        release = self.rule.definition.release_threshold
        if release is None:
            return
        begins, ends = {*footage.first.tolist()}, {*(footage.first - 1).tolist(), footage.count - 1}
        for segment in sorted(found):
            for step, last in ((-1, begins), (1, ends)):
                at = segment
                while at not in last and at + step not in found:
                    at += step
                    judge.ask([at])
                    if not judge.reaches(at, release):
                        break

    def _about(
        self, number: int, scan: CertifiedScan, footage: CertifiedFootage, judge: SegmentJudge
    ) -> dict[str, Any]:
        """What the certificate is of: rule, models, footage, and what it took."""
        scenes, answers = len(np.unique(footage.scene)), len(judge.answers) - len(judge.taken_over)
        failed = sum(row.status is Status.FAILED for row in judge.answers.values())
        stored = self.scorer.stored
        return {
            "certificate_id": number,
            "rule": self.rule.name,
            "version": self.rule.version,
            "texts": list(self.rule.definition.texts),
            "threshold": self.rule.definition.threshold,
            "scorer": {"digest": stored.digest, "profile": stored.profile_name, "models": self.scorer.models.revisions},
            "selection": dict(scan.selection),
            "budget": scan.budget,
            "footage": [
                {"sha256": video.content_sha256, "uri": video.uri, "segments": len(own.segments)}
                for video, own in zip(footage.videos, footage.segments, strict=True)
            ],
            "answers": answers,
            "answers_taken_over": len(judge.taken_over),
            "answers_failed": failed,
            "answers_of_a_full_scan": scenes,
            "share_of_a_full_scan": answers / scenes,
            "valid_for": "what this scorer would find in this footage at this threshold, segment by segment, before "
            "smoothing; over the draws of the seed. It says nothing of what the models themselves overlook.",
        }


def describe_certificate(document: dict[str, Any]) -> str:
    """One line for a log."""
    target, found, missed = document["target"], document["found"], document["missed_at_most"]
    level = target["level"]
    took = f"{document['answers']} answers, {document['share_of_a_full_scan']:.1%} of a full scan"
    if not found:
        said = f"no {level} found; at {target['confidence']:.0%} confidence at most {missed} are there"
    else:
        said = (
            f"{found} {level} found, at {target['confidence']:.0%} confidence at most {missed} missed "
            f"(recall at least {document['recall']:.1%})"
        )
    short = "" if document["reached"] or not found else f"; the target of {target['recall']:.0%} was not reached"
    return f"Certificate {document['certificate_id']}: {said}{short}; {took}."
