"""One unit of work: a video, the rules it lacks, a scorer. Scored through the journal, committed once."""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from anyanomaly_core.archive.footage import footage_mask, verified_footage
from anyanomaly_core.archive.reindexing import index_by_decoding
from anyanomaly_core.archive.scorer import ArchiveScorer
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.embeddings import open_embeddings
from anyanomaly_core.engine.journal import Journal, ScoreJournal
from anyanomaly_core.engine.progress import Progress
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError, FrameIndexError, LeaseLostError
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.known_answers import known_answers
from anyanomaly_core.results.leases import Lease, held_lease
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import units
from anyanomaly_core.results.segment_store import VideoSegments, load_segments
from anyanomaly_core.results.unit_journal import DatabaseJournal
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.results.writer import commit_failure, commit_unit
from anyanomaly_core.rules.alerts import Target
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """What was committed for a video."""

    segments: Counter[Status]  # rows, one per segment and rule
    events: int
    failure: str | None  # why, when no segment has a score
    work_s: float = 0.0  # what the rows' timings add up to, those of an interrupted try included

    @property
    def rows(self) -> int:
        """Rows with an outcome other than failed."""
        return sum(count for status, count in self.segments.items() if status is not Status.FAILED)


def scan_unit(
    engine: Engine,
    unit: Unit,
    scorer: ArchiveScorer,
    *,
    settings: Settings,
    run_id: int | None,
    progress: Progress,
    alerts: Sequence[Target] = (),
) -> UnitOutcome | None:
    """Score a video for rules and commit rows, Parquet files and events; None: another worker had done it all.

    A second worker with the same video and scorer, on any host, waits for the first and then does what is left; one
    that was not heard of for ``lease_s`` loses the video to it and commits nothing. While the database is away it
    waits, up to ``database_patience_s``, and goes on. A file that is gone, or holds another content than at ingest,
    fails as a whole; a score always belongs to the content it was made of.

    Raises:
        ModelError: when a model breaks as a whole. Finished segments are in the journal for the next try.
        StorageError: when the results cannot be written.
    """

    def scan() -> UnitOutcome | None:
        with engine.connect() as connection:  # it may have been found under another camera meanwhile, which hides more
            mask = footage_mask(settings, load_video(connection, unit.video.video_id))
        lasts_s = settings.lease_s
        with held_lease(engine, unit.video.video_id, scorer.stored.scorer_id, lasts_s=lasts_s) as lease:
            job = _UnitScan(engine, unit.video, scorer, settings, mask, run_id, alerts, lease)
            with job.open_journal() as journal:
                return job.run(unit.rules, journal, progress)

    while True:
        try:
            return with_database_retry(engine, settings.database_patience_s, scan)
        except LeaseLostError as error:
            log.warning("%s Going on with what is left.", error)


@dataclass(frozen=True, slots=True)
class _UnitScan:
    """One pass over a unit; it may be repeated after any error."""

    engine: Engine
    video: StoredVideo
    scorer: ArchiveScorer
    settings: Settings
    mask: Mask | None
    run_id: int | None
    alerts: Sequence[Target]
    lease: Lease

    @property
    def mask_digest(self) -> str | None:
        return None if self.mask is None else self.mask.digest

    @property
    def journal_name(self) -> str:
        """What an interrupted try saw through another mask is not taken over."""
        seen = "" if self.mask_digest is None else f"-{self.mask_digest[:16]}"
        return f"{self.video.content_sha256}-{self.scorer.stored.digest[:16]}{seen}"

    def open_journal(self) -> AbstractContextManager[ScoreJournal]:
        """Where finished segments are kept until the commit."""
        if self.settings.journal == "folder":
            return Journal(self.settings.state_dir / "journal", self.journal_name)
        key = self.video.video_id, self.scorer.stored.scorer_id, self.mask_digest
        patience_s = self.settings.database_patience_s
        return nullcontext(DatabaseJournal(self.engine, self.lease, key, patience_s=patience_s))

    def run(self, rules: Sequence[StoredRule], journal: ScoreJournal, progress: Progress) -> UnitOutcome | None:
        rules = self._unfinished_rules(rules)
        if not rules:
            journal.discard()  # of a try that died between its commit and its end
            return None
        try:
            path = verified_footage(self.settings, self.video)
        except FootageError as error:
            return self._commit_failure(rules, str(error))
        segments, segmented = segment_video(self.engine, self.video, path, self.scorer.profile, self.mask)

        def report(done: int, total: int) -> None:
            self.lease.check()
            progress(done, total)

        try:
            scores = self._score(segmented, rules, journal, report)
        except FrameIndexError as error:
            return self._run_decoded(path, rules, journal, progress, str(error))
        result = UnitResult(
            video=self.video,
            segments=segments,
            rules=tuple(rules),
            scorer=self.scorer.stored,
            scores=tuple(scores),
            frame_scores=frame_scores_of(segmented.segments, self.video.pace, rules, scores, self.scorer.profile),
            run_id=self.run_id,
            mask_digest=self.mask_digest,
        )
        compression = self.settings.parquet_compression
        root = self.settings.parquet_root
        events = commit_unit(self.engine, result, root, compression=compression, alerts=self.alerts, lease=self.lease)
        journal.discard()
        return outcome_of(scores, events)

    def _run_decoded(
        self, path: Path, rules: Sequence[StoredRule], journal: ScoreJournal, progress: Progress, why: str
    ) -> UnitOutcome | None:
        """As ``run``, once the frames have been indexed by decoding; where they are the same, so are finished rows."""
        if index_by_decoding(
            self.engine, self.video, path, settings=self.settings, sampling=self.scorer.profile.sampling, why=why
        ):
            journal.discard()
        with self.engine.connect() as connection:
            video = load_video(connection, self.video.video_id)
        return replace(self, video=video).run(rules, journal, progress)

    def _score(
        self, video: SegmentedVideo, rules: Sequence[StoredRule], journal: ScoreJournal, progress: Progress
    ) -> list[SegmentScore]:
        stored, models = self.scorer.stored, self.scorer.models
        with self.engine.connect() as connection:
            known = known_answers(connection, self.video.video_id, rules, stored.scorer_id, self.mask_digest)
        revision = models.revisions.get("encoder")
        content = self.video.content_sha256
        with open_embeddings(self.settings, content, models.profile, revision, self.mask) as embeddings:
            return models.score(
                video,
                [_texts(rule) for rule in rules],
                limits=Limits.of(self.settings),
                journal=journal,
                embeddings=embeddings,
                known=known,
                progress=progress,
            )

    def _unfinished_rules(self, rules: Sequence[StoredRule]) -> list[StoredRule]:
        done = select(units.c.scoring_id).where(
            units.c.video_id == self.video.video_id,
            units.c.scorer_id == self.scorer.stored.scorer_id,
            units.c.state == "done",
            units.c.certificate_id.is_(None),  # what one left out is asked for
        )
        with self.engine.connect() as connection:
            finished = set(connection.execute(done).scalars())
        return [rule for rule in rules if rule.scoring_id not in finished]

    def _commit_failure(self, rules: Sequence[StoredRule], reason: str) -> UnitOutcome:
        segments = profile_segments(self.engine, self.video, self.scorer.profile)
        commit_failure(
            self.engine,
            self.video,
            segments,
            rules,
            self.scorer.stored,
            reason=reason,
            parquet_root=self.settings.parquet_root,
            run_id=self.run_id,
            lease=self.lease,
        )
        return UnitOutcome(Counter({Status.FAILED: len(segments.segments) * len(rules)}), 0, reason)


def segment_video(
    engine: Engine, video: StoredVideo, path: Path, profile: Profile, mask: Mask | None
) -> tuple[VideoSegments, SegmentedVideo]:
    """The video's segments in the profile's layout, and the video as the engine scores it."""
    segments = profile_segments(engine, video, profile)
    content = video.content_sha256
    segmented = SegmentedVideo.of(
        path,
        tuple(segments.segments),
        profile,
        mask=mask,
        content_sha256=content,
        from_packets=video.from_packets,
    )
    return segments, segmented


def profile_segments(engine: Engine, video: StoredVideo, profile: Profile) -> VideoSegments:
    """The video's segments in the profile's layout."""
    with engine.begin() as connection:
        return load_segments(connection, video.video_id, profile.sampling)


def _texts(rule: StoredRule) -> RuleTexts:
    return RuleTexts(rule.rule_version_id, rule.name, rule.definition.texts, rule.definition.excluded)


def frame_scores_of(
    segments: Sequence[Segment],
    pace: Pace,
    rules: Sequence[StoredRule],
    scores: Sequence[SegmentScore],
    profile: Profile,
) -> dict[int, NDArray[np.float32]]:
    """Map each rule version to its smoothed scores [F], NaN where there is none."""
    by_rule: dict[int, list[SegmentScore]] = {rule.rule_version_id: [] for rule in rules}
    for score in scores:
        by_rule[score.rule_version_id].append(score)
    smoothing = profile.scoring.smoothing
    return {rule: frame_scores(segments, rows, pace, smoothing) for rule, rows in by_rule.items()}


def outcome_of(scores: Sequence[SegmentScore], events: int) -> UnitOutcome:
    """What rows come to."""
    statuses = Counter(score.status for score in scores)
    failed = [score.reason or "unknown" for score in scores if score.status is Status.FAILED]
    whole = statuses[Status.FAILED] == len(scores)
    work_s = sum(sum(score.timings_ms.values()) for score in scores) / 1000
    return UnitOutcome(statuses, events, failed[0] if whole and failed else None, work_s)
