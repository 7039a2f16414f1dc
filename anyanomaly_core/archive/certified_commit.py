"""Writing what a certificate is about: every video, what was judged with its scores, the rest left out under it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Engine, select

from anyanomaly_core.archive.certified_footage import CertifiedFootage
from anyanomaly_core.archive.scan import ScanResult
from anyanomaly_core.archive.scorer import ArchiveScorer
from anyanomaly_core.archive.unit import UnitOutcome, frame_scores_of, outcome_of
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Progress
from anyanomaly_core.engine.static_scenes import carried_score
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.leases import held_lease
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import units
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.results.spending import Meter
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.rules.alerts import Target, load_alerts
from anyanomaly_core.scoring.types import SegmentFrames, SegmentScore, Status


@dataclass(frozen=True, slots=True)
class CertifiedCommit:
    """Commits the videos of a certificate, one after the other."""

    engine: Engine
    settings: Settings
    rule: StoredRule
    scorer: ArchiveScorer
    meter: Meter
    certificate_id: int
    left_out: str  # why a segment has no score

    def run(
        self,
        footage: CertifiedFootage,
        answers: Mapping[int, SegmentScore],
        result: ScanResult,
        *,
        progress: Progress,
        committed: Callable[[], None],
    ) -> None:
        """Commit every video; those that an earlier try or a whole scan has committed stay as they are.

        Raises:
            StorageError: when results cannot be written. What is committed stays, the next try goes on.
        """
        alerts = load_alerts(self.settings.alerts).targets
        for place, (video, segments) in enumerate(zip(footage.videos, footage.segments, strict=True)):
            progress(place, len(footage.videos))
            scores = self._rows(footage, answers, place)
            commit = partial(self._commit, video, segments, scores, alerts, mask=footage.masks[place])
            events = with_database_retry(self.engine, self.settings.database_patience_s, commit)
            outcome: UnitOutcome | None = None
            if events is not None:
                outcome = outcome_of(scores, events)
                self.meter.record_video(outcome.rows, 1, 0.0)  # judging was recorded before
                committed()
            result.add(Unit(video, (self.rule,)), outcome)
        progress(len(footage.videos), len(footage.videos))

    def _commit(
        self,
        video: StoredVideo,
        segments: VideoSegments,
        scores: list[SegmentScore],
        alerts: tuple[Target, ...],
        *,
        mask: Mask | None,
    ) -> int | None:
        """Number of events; None: it was done before."""
        scorer, lasts_s = self.scorer.stored, self.settings.lease_s
        with held_lease(self.engine, video.video_id, scorer.scorer_id, lasts_s=lasts_s) as lease:
            if self._is_done(video):
                return None
            curve = frame_scores_of(segments.segments, video.pace, [self.rule], scores, self.scorer.profile)
            unit = UnitResult(
                video=video,
                segments=segments,
                rules=(self.rule,),
                scorer=scorer,
                scores=scores,
                frame_scores=curve,
                run_id=self.meter.run_id,
                mask_digest=None if mask is None else mask.digest,
                certificate_id=self.certificate_id,
            )
            root, codec = self.settings.parquet_root, self.settings.parquet_compression
            return commit_unit(self.engine, unit, root, compression=codec, alerts=alerts, lease=lease)

    def _is_done(self, video: StoredVideo) -> bool:
        u = units.c
        mine = (u.video_id == video.video_id) & (u.scoring_id == self.rule.scoring_id)
        certified = u.certificate_id == self.certificate_id
        whole = u.certificate_id.is_(None) & (u.state == "done")
        query = select(u.video_id).where(mine, u.scorer_id == self.scorer.stored.scorer_id, certified | whole)
        with self.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def _rows(self, footage: CertifiedFootage, answers: Mapping[int, SegmentScore], place: int) -> list[SegmentScore]:
        """A row for each segment of a video."""
        rows, version = [], self.rule.rule_version_id
        for segment, at in zip(footage.segments[place].segments, footage.numbers(place), strict=True):
            scene = int(footage.scene[at])
            row = answers.get(scene)
            if row is None:
                row = SegmentScore(segment.index, version, Status.PRUNED, reason=self.left_out)
            elif scene != at:
                scored = row.status is Status.SCORED
                row = carried_score(row, SegmentFrames(segment, ())) if scored else row
            rows.append(replace(row, segment_index=segment.index, rule_version_id=version))
        return rows
