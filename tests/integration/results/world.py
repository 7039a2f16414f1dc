"""A small made-up archive with scores, built through the same functions that the tasks use."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from anyanomaly_core.footage.types import FoundFile, FrameIndex, Probe
from anyanomaly_core.profile import Profile, SamplingSpec, load_profile
from anyanomaly_core.results import catalog, rule_store, scorer_store, segment_store
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.types import SegmentScore, Status

START = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
SEGMENT = 24
SAMPLING = SamplingSpec(segment_frames=SEGMENT)
FPS = Fraction(25)


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def add_camera(engine: Engine, camera: str, zone: str = "Europe/Berlin") -> None:
    with engine.begin() as connection:
        catalog.register_camera(connection, camera, zone)


def found(uri: str, camera: str, recorded_at: datetime = START) -> FoundFile:
    return FoundFile(uri, 1000, 1.0, camera, recorded_at, "path")


def frame_index(frames: int, *, seed: int = 0, even: bool = True, damage: tuple[str, ...] = ()) -> FrameIndex:
    rng = np.random.default_rng(seed)
    steps = np.full(frames - 1, float(1 / FPS)) if even else rng.uniform(0.01, 0.2, frames - 1)
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return FrameIndex(times, rng.uniform(0, 9, frames).astype(np.float32), damage, complete=not damage)


def add_video(
    engine: Engine,
    uri: str,
    camera: str = "gate",
    *,
    frames: int = 100,
    recorded_at: datetime = START,
    index: FrameIndex | None = None,
    content: str | None = None,
) -> int:
    """Register, index and shard one video, as ingest does; its content is its name unless given."""
    with engine.begin() as connection:
        video_id = catalog.store_file(connection, found(uri, camera, recorded_at), digest(content or uri))
        assert video_id is not None
        measured = index or frame_index(frames)
        probe = Probe("h264", 320, 240, 0, FPS, None, None)
        catalog.store_index(connection, video_id, probe, measured, decoder="test 1")
        segment_store.store_segments(connection, video_id, SAMPLING, measured)
    return video_id


def add_rule(engine: Engine, name: str = "fall", **changes: object) -> StoredRule:
    definition = RuleDefinition.model_validate({"name": name, "texts": ("a person falls",), **changes})
    with engine.begin() as connection:
        return rule_store.apply_rules(connection, [definition], author="test")[0].rule


def add_scorer(engine: Engine, revision: str = "1", profile: Profile | None = None) -> StoredScorer:
    with engine.begin() as connection:
        return scorer_store.register_scorer(
            connection, profile or load_profile("demo"), {"encoder": revision, "lvlm": revision}, code_version="0.1.0"
        )


def segment_score(index: int, rule: StoredRule, value: float | None) -> SegmentScore:
    if value is None:
        raw = "\x00maybe \ud800"
        return SegmentScore(index, rule.rule_version_id, Status.FAILED, reason="silence", raw_answer=raw)
    return SegmentScore(
        index,
        rule.rule_version_id,
        Status.SCORED,
        score=value,
        key_score=value,
        position_score=0.25,
        temporal_score=None,
        key_frame=index * SEGMENT,
        grid_frames=(1, 2, 3, 4),
        window=(0, 0, 48, 48),
        text=rule.definition.texts[0],
        rationale=f"{index}: '); DROP TABLE" if value > 0.4 else None,
        timings_ms={"lvlm": 1.5},
    )


def unit_result(
    engine: Engine,
    video_id: int,
    rules: tuple[StoredRule, ...],
    scorer: StoredScorer,
    *,
    seed: int = 0,
    failing: float = 0.2,
) -> UnitResult:
    """Random but repeatable scores; some segments failed."""
    with engine.begin() as connection:
        video = catalog.load_video(connection, video_id)
        segments = segment_store.load_segments(connection, video_id, SAMPLING)
    rng = np.random.default_rng([seed, video_id])
    scores, frames = [], {}
    for rule in rules:
        curve = np.full(segments.frame_count, np.nan, np.float32)
        for part in segments.segments:
            value = None if rng.random() < failing else float(rng.random())
            scores.append(segment_score(part.index, rule, value))
            if value is not None:
                jitter = rng.uniform(-0.05, 0.05, part.frame_count)
                curve[part.first_frame : part.last_frame + 1] = np.clip(value + jitter, 0, 1)
        frames[rule.rule_version_id] = curve
    return UnitResult(video, segments, rules, scorer, scores, frames)


def curve_result(
    engine: Engine, video_id: int, rule: StoredRule, scorer: StoredScorer, curve: NDArray[np.float32]
) -> UnitResult:
    """Given frame scores; a segment fails where all its frames are NaN."""
    with engine.begin() as connection:
        video = catalog.load_video(connection, video_id)
        segments = segment_store.load_segments(connection, video_id, SAMPLING)
    scores = []
    for part in segments.segments:
        own = curve[part.first_frame : part.last_frame + 1]
        value = None if np.isnan(own).all() else float(np.nanmax(own))
        scores.append(segment_score(part.index, rule, value))
    return UnitResult(video, segments, (rule,), scorer, scores, {rule.rule_version_id: curve})


def small_archive(engine: Engine, root: Path) -> tuple[list[int], tuple[StoredRule, ...], StoredScorer]:
    """Two cameras, three videos (one uneven, one over a month's end), two rules, everything scored once."""
    for camera in ("gate", "yard & co"):
        add_camera(engine, camera)
    videos = [
        add_video(engine, "gate/1.mp4", frames=100),
        add_video(engine, "yard/1.mp4", "yard & co", index=frame_index(77, even=False)),
        add_video(engine, "gate/2.mp4", frames=600, recorded_at=START + timedelta(hours=1, minutes=59, seconds=50)),
    ]
    rules = (add_rule(engine, "fall"), add_rule(engine, "bike", texts=("a bicycle", "a cyclist"), threshold=0.6))
    scorer = add_scorer(engine)
    for video_id in videos:
        commit_unit(engine, unit_result(engine, video_id, rules, scorer), root)
    return videos, rules, scorer


def add_evaluation(engine: Engine, scorer: StoredScorer, value: float) -> None:
    """A scorer judged on ten labelled videos: one figure of one class."""
    with engine.begin() as connection:
        number = connection.execute(
            text("""INSERT INTO evaluations (archive, archive_digest, scorer_id, videos, videos_without_scores,
                      frames_counted, frames_unlabelled, frames_unscored, frames_not_in_footage, resamples,
                      code_version)
                    VALUES ('yard', :digest, :scorer, 10, 0, 1000, 0, 0, 0, 100, '1') RETURNING evaluation_id"""),
            {"digest": digest("labels"), "scorer": scorer.scorer_id},
        ).scalar_one()
        connection.execute(
            text("""INSERT INTO evaluation_measures (evaluation_id, protocol, class, metric, value, low, high, videos,
                      positives, frames)
                    VALUES (:number, 'honest', 'fall', 'roc_auc', :value, :value - 0.1, :value + 0.1, 4, 100, 1000)"""),
            {"number": number, "value": value},
        )


def add_score_map(engine: Engine, rule: str, scores: list[float], probabilities: list[float]) -> None:
    """A map for the first scorer."""
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO score_maps (rule_id, scorer_id, method, scores, probabilities, confirmed, rejected)
                    SELECT rule_id, 1, 'isotonic', :scores, :probabilities, 9, 9 FROM rules WHERE name = :rule"""),
            {"rule": rule, "scores": scores, "probabilities": probabilities},
        )
