"""Rows of a store as large as wanted: cameras that record every night, ten rules, and what scoring them gives.

Four cameras record from 20:00 to 06:00 UTC, 25 frames per second, in files of ten minutes; sampled at 8 frames per
second in segments of 24, as the profile ``default`` does: 72 source frames each. 1,000 camera-hours are 25 nights,
6,000 files, 12.5 M rows of ``segment_scores`` and 900 M frame scores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from anyanomaly_core.footage.types import FoundFile, FrameIndex, Probe
from anyanomaly_core.profile import SamplingSpec, load_profile
from anyanomaly_core.results import catalog, rule_store, scorer_store, segment_store
from anyanomaly_core.results.rows import UnitResult
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.types import SegmentScore, Status

CAMERAS = ("dock", "gate", "hall", "yard")
RULES = ("bag", "bicycle", "car", "climbing", "crowd", "fall", "fight", "fire", "loitering", "running")
FIRST_NIGHT = datetime(2026, 1, 20, 20, tzinfo=UTC)
HOURS_A_NIGHT = 10
VIDEO_S, FPS = 600, 25
SEGMENT_FRAMES, STEP = 24, 3
SAMPLING = SamplingSpec(fps=8, segment_frames=SEGMENT_FRAMES)
FRAMES = VIDEO_S * FPS
SEGMENTS = -(-FRAMES // (SEGMENT_FRAMES * STEP))
_CURVES = 97  # different curves; videos and rules take turns


@dataclass(frozen=True)
class Store:
    """What all rows have in common."""

    rules: tuple[StoredRule, ...]
    scorer: StoredScorer
    curves: NDArray[np.float32]  # [_CURVES, FRAMES]


def prepare(engine: Engine) -> Store:
    """Cameras, rules and the scorer."""
    definitions = [RuleDefinition.model_validate({"name": name, "texts": (f"a {name}",)}) for name in RULES]
    with engine.begin() as connection:
        for camera in CAMERAS:
            catalog.register_camera(connection, camera, "Europe/Berlin")
        rules = tuple(item.rule for item in rule_store.apply_rules(connection, definitions, author="benchmark"))
        scorer = scorer_store.register_scorer(
            connection, load_profile("demo"), {"encoder": "1", "lvlm": "1"}, code_version="benchmark"
        )
    return Store(rules, scorer, _curves())


def recordings(camera_hours: float) -> Iterator[tuple[str, datetime]]:
    """(camera, start) of every file, night by night."""
    wanted = round(camera_hours * 3600 / VIDEO_S)
    per_night = HOURS_A_NIGHT * 3600 // VIDEO_S
    for number in range(wanted):
        night, rest = divmod(number, per_night * len(CAMERAS))
        camera, place = divmod(rest, per_night)
        yield CAMERAS[camera], FIRST_NIGHT + timedelta(days=night, seconds=place * VIDEO_S)


def add_video(connection: Connection, camera: str, recorded_at: datetime) -> int:
    """Register a file and split it, as ingest does after decoding it."""
    uri = f"{camera}/{recorded_at:%Y-%m-%d/%H-%M-%S}.mp4"
    found = FoundFile(uri, 10_000_000, 1.0, camera, recorded_at, "path")
    video_id = catalog.store_file(connection, found, sha256(uri.encode()).hexdigest())
    assert video_id is not None
    index = FrameIndex(np.arange(FRAMES) / FPS, np.ones(FRAMES, np.float32), (), complete=True)
    catalog.store_index(
        connection, video_id, Probe("h264", 1920, 1080, 0, Fraction(FPS), None, None), index, decoder="-"
    )
    segment_store.store_segments(connection, video_id, SAMPLING, index)
    return video_id


def unit_result(engine: Engine, store: Store, video_id: int) -> UnitResult:
    """What scoring a video for all rules gives."""
    with engine.begin() as connection:
        video = catalog.load_video(connection, video_id)
        segments = segment_store.load_segments(connection, video_id, SAMPLING)
    scores: list[SegmentScore] = []
    frames = {}
    firsts = [part.first_frame for part in segments.segments]
    for number, rule in enumerate(store.rules):
        curve = store.curves[(video_id * len(RULES) + number) % _CURVES]
        frames[rule.rule_version_id] = curve
        peaks = np.maximum.reduceat(curve, firsts).tolist()
        scores += [_score(index, rule, peak) for index, peak in enumerate(peaks)]
    return UnitResult(video, segments, store.rules, store.scorer, scores, frames)


def _score(index: int, rule: StoredRule, value: float) -> SegmentScore:
    first = index * SEGMENT_FRAMES * STEP
    said = (
        f"Yes: {rule.definition.texts[0]} can be seen near the left edge of the picture, moving."
        if value > 0.5
        else None
    )
    return SegmentScore(
        index,
        rule.rule_version_id,
        Status.SCORED,
        score=value,
        key_score=value,
        position_score=value * 0.9,
        temporal_score=value * 0.8,
        key_frame=first,
        grid_frames=(first, first + 18, first + 36, first + 54),
        window=(0, 80, 80, 160),
        text=rule.definition.texts[0],
        rationale=said,
        timings_ms={"encoder": 1.25, "lvlm": 41.5},
    )


def _curves() -> NDArray[np.float32]:
    """[_CURVES, FRAMES] smooth and low, with an event of five seconds in every fifth."""
    rng = np.random.default_rng(7)
    kernel = np.hanning(90) / np.hanning(90).sum()
    curves = np.stack([np.convolve(rng.uniform(0, 0.4, FRAMES), kernel, "same") for _ in range(_CURVES)])
    for number in range(0, _CURVES, 5):
        at = int(rng.integers(200, FRAMES - 400))
        curves[number, at : at + 5 * FPS] += rng.uniform(0.35, 0.6)
    return np.clip(curves, 0, 1).astype(np.float32)
