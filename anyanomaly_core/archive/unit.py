"""One unit of work: a video, the rules it lacks, a scorer. Scored through the journal, committed once."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from anyanomaly_core import __version__
from anyanomaly_core.archive.local import local_footage
from anyanomaly_core.archive.masks import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.batches import scaled_size
from anyanomaly_core.engine.cascade import Cascade
from anyanomaly_core.engine.embeddings import kept_embeddings
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.video import Progress, VideoToScore, score_video
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.loading import load_encoder, load_lvlm
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.known_answers import known_answers
from anyanomaly_core.results.patience import patiently
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import units
from anyanomaly_core.results.scorer_store import StoredScorer, register_scorer
from anyanomaly_core.results.segment_store import VideoSegments, load_segments
from anyanomaly_core.results.writer import commit_failure, commit_unit
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.scorers import make_scorer
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, Scorer, SegmentScore, Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedScorer:
    """A profile with its models in memory, known to the database. Made once per task."""

    profile: Profile
    scorer: Scorer
    stored: StoredScorer
    encoder_revision: str | None = None  # None: it uses no encoder
    ranker: Ranker | None = None  # for a cascade; None: it has none

    def cascade(self, video: StoredVideo) -> Cascade | None:
        """What decides which segments of a video are judged; None: all are."""
        spec = self.profile.scoring.cascade
        if spec is None or self.ranker is None:
            return None
        return Cascade(spec, self.ranker, video.content_sha256, self.stored.digest)


@dataclass(frozen=True, slots=True)
class ScannedVideo:
    """What was committed for a video."""

    segments: Counter[Status]  # rows, one per segment and rule
    events: int
    failure: str | None  # why, when no segment has a score
    work_s: float = 0.0  # what the rows' timings add up to, those of an interrupted try included


def load_scorer(engine: Engine, profile: Profile, settings: Settings) -> LoadedScorer:
    """Load the models that the profile's scorer uses and register it.

    Raises:
        ModelError: when a model is not to be had.
    """
    kind = profile.scoring.scorer
    encoder = None if kind == "baseline" else load_encoder(profile, settings)
    lvlm = None if kind == "clip" else load_lvlm(profile, settings)
    revisions = {name: model.revision for name, model in (("encoder", encoder), ("lvlm", lvlm)) if model is not None}
    scorer = make_scorer(profile, encoder, lvlm)

    def register() -> StoredScorer:
        with engine.begin() as connection:
            return register_scorer(connection, profile, revisions, code_version=__version__)

    stored = patiently(engine, settings.database_patience_s, register)  # loading may have taken minutes
    if encoder is None:
        return LoadedScorer(profile, scorer, stored)
    pruned, reference = profile.scoring.cascade is not None, profile.encoder.reference_preprocessing
    ranker = Ranker(encoder, reference=reference) if pruned else None
    return LoadedScorer(profile, scorer, stored, encoder.revision, ranker)


def scan_video(
    engine: Engine,
    video: StoredVideo,
    rules: Sequence[StoredRule],
    loaded: LoadedScorer,
    *,
    settings: Settings,
    limits: Limits,
    run_id: int | None,
    progress: Progress,
) -> ScannedVideo | None:
    """Score a video for rules and commit rows, Parquet files and events; None: another worker had done it all.

    A second worker with the same video and scorer waits for the first and then does what is left. While the database
    is away it waits, up to ``database_patience_s``, and goes on. A file that is gone,
    or holds another content than at ingest, fails as a whole; a score always belongs to the content it was made of.

    Raises:
        ModelError: when a model breaks as a whole. Finished segments are in the journal for the next try.
        StorageError: when the results cannot be written.
    """

    def scan() -> ScannedVideo | None:
        with engine.connect() as connection:  # it may have been found under another camera meanwhile, which hides more
            mask = footage_mask(settings, load_video(connection, video.video_id))
        with Journal(settings.state_dir / "journal", _journal_name(video, loaded, mask)) as journal:
            return _scan(
                engine,
                video,
                rules,
                loaded,
                journal=journal,
                mask=mask,
                settings=settings,
                limits=limits,
                run_id=run_id,
                progress=progress,
            )

    return patiently(engine, settings.database_patience_s, scan)


def _scan(
    engine: Engine,
    video: StoredVideo,
    rules: Sequence[StoredRule],
    loaded: LoadedScorer,
    *,
    journal: Journal,
    mask: Mask | None,
    settings: Settings,
    limits: Limits,
    run_id: int | None,
    progress: Progress,
) -> ScannedVideo | None:
    """One pass; may be repeated after any error."""
    rules = _not_done(engine, video, rules, loaded.stored)
    if not rules:
        journal.discard()  # of a try that died between its commit and its end
        return None
    try:
        path = same_footage(settings, video)
    except FootageError as error:
        return _commit_failure(engine, video, rules, loaded, str(error), settings=settings, run_id=run_id)
    segments, whole = prepare(engine, video, path, loaded.profile, mask)
    texts = [_texts(rule) for rule in rules]
    mask_digest = None if mask is None else mask.digest
    with engine.connect() as connection:
        known = known_answers(connection, video.video_id, rules, loaded.stored.scorer_id, mask_digest)
    with kept_embeddings(settings, video.content_sha256, loaded.profile, loaded.encoder_revision, mask) as kept:
        scores = score_video(
            whole,
            texts,
            loaded.scorer,
            journal,
            limits=limits,
            progress=progress,
            embeddings=kept,
            cascade=loaded.cascade(video),
            known=known,
        )
    result = UnitResult(
        video=video,
        segments=segments,
        rules=tuple(rules),
        scorer=loaded.stored,
        scores=tuple(scores),
        frame_scores=_frame_scores(segments, rules, scores, loaded.profile.scoring.smoothing_sigma),
        run_id=run_id,
        mask_digest=mask_digest,
    )
    events = commit_unit(engine, result, settings.parquet_root, compression=settings.parquet_compression)
    journal.discard()
    return _outcome(scores, events)


def _journal_name(video: StoredVideo, loaded: LoadedScorer, mask: Mask | None) -> str:
    """What an interrupted try saw through another mask is not taken over."""
    seen = "" if mask is None else f"-{mask.digest[:16]}"
    return f"{video.content_sha256}-{loaded.stored.digest[:16]}{seen}"


def same_footage(settings: Settings, video: StoredVideo) -> Path:
    """The video's file. Hashed again: that takes seconds where scoring takes minutes, and no clock fools it."""
    path = local_footage(settings, video.uri)
    if sha256(path) != video.content_sha256:
        raise FootageError(f"{video.uri} holds another content than when it was registered; run the ingest again.")
    return path


def _commit_failure(
    engine: Engine,
    video: StoredVideo,
    rules: Sequence[StoredRule],
    loaded: LoadedScorer,
    reason: str,
    *,
    settings: Settings,
    run_id: int | None,
) -> ScannedVideo:
    segments = _segments(engine, video, loaded.profile)
    commit_failure(
        engine,
        video,
        segments,
        rules,
        loaded.stored,
        reason=reason,
        parquet_root=settings.parquet_root,
        run_id=run_id,
    )
    return ScannedVideo(Counter({Status.FAILED: len(segments.segments) * len(rules)}), 0, reason)


def _outcome(scores: Sequence[SegmentScore], events: int) -> ScannedVideo:
    statuses = Counter(score.status for score in scores)
    failed = [score.reason or "unknown" for score in scores if score.status is Status.FAILED]
    whole = statuses[Status.FAILED] == len(scores)
    work_s = sum(sum(score.timings_ms.values()) for score in scores) / 1000
    return ScannedVideo(statuses, events, failed[0] if whole and failed else None, work_s)


def prepare(
    engine: Engine, video: StoredVideo, path: Path, profile: Profile, mask: Mask | None
) -> tuple[VideoSegments, VideoToScore]:
    """The video's segments in the profile's layout, and how it is to be decoded."""
    segments = _segments(engine, video, profile)
    step = profile.sampling.step(float(video.fps))
    size, level = _image_size(path, profile), profile.scoring.static_level
    return segments, VideoToScore(path, tuple(segments.segments), step, size, mask, level)


def _segments(engine: Engine, video: StoredVideo, profile: Profile) -> VideoSegments:
    with engine.begin() as connection:
        step = profile.sampling.step(float(video.fps))
        return load_segments(connection, video.video_id, profile.sampling.segment_frames, step)


def _image_size(path: Path, profile: Profile) -> tuple[int, int] | None:
    """Size to decode at. A file that broke after the ingest has none: its decoding says why, segment by segment."""
    try:
        header = probe(path)
    except FootageError:
        return None
    return scaled_size(header.width, header.height, profile.sampling.max_side)


def _not_done(
    engine: Engine, video: StoredVideo, rules: Sequence[StoredRule], scorer: StoredScorer
) -> list[StoredRule]:
    done = select(units.c.scoring_id).where(
        units.c.video_id == video.video_id, units.c.scorer_id == scorer.scorer_id, units.c.state == "done"
    )
    with engine.connect() as connection:
        finished = set(connection.execute(done).scalars())
    return [rule for rule in rules if rule.scoring_id not in finished]


def _texts(rule: StoredRule) -> RuleTexts:
    return RuleTexts(rule.rule_version_id, rule.name, rule.definition.texts, rule.definition.excluded)


def _frame_scores(
    segments: VideoSegments, rules: Sequence[StoredRule], scores: Sequence[SegmentScore], sigma: float
) -> dict[int, NDArray[np.float32]]:
    """By rule version: [F] smoothed scores, NaN where there is none."""
    by_rule: dict[int, list[SegmentScore]] = {rule.rule_version_id: [] for rule in rules}
    for score in scores:
        by_rule[score.rule_version_id].append(score)
    return {rule: frame_scores(segments.segments, rows, segments.frame_count, sigma) for rule, rows in by_rule.items()}
