"""Rehearsing a draft of a rule over a sample of stored footage, scoring it where its words are new. Stores nothing."""

import fnmatch
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine

from anyanomaly_core.archive.masks import footage_mask
from anyanomaly_core.archive.unit import LoadedScorer, prepare, same_footage
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.video import Progress, score_video
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.catalog import SCORABLE, StoredVideo, load_videos
from anyanomaly_core.results.event_store import ScoredVideo
from anyanomaly_core.results.moments import frame_moments, to_micros
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore


def sample(
    connection: Connection,
    draft: RuleDefinition,
    *,
    cameras: Sequence[str] = (),
    first_day: date | None = None,
    last_day: date | None = None,
    most: int,
) -> list[StoredVideo]:
    """Up to ``most`` videos that the draft or the rule's current version looks at, spread evenly, in order of time.

    Args:
        connection: a read is enough.
        draft: with the name of its rule.
        cameras: of theirs, only these ids or patterns; none: all.
        first_day: in the camera's time zone, inclusive.
        last_day: likewise.
        most: at least 1.
    """
    first, last = first_day or date.min, last_day or date.max
    looking = [draft, *(rule.definition for rule in list_rules(connection) if rule.name == draft.name)]
    chosen = [
        video
        for video in load_videos(connection)
        if video.state in SCORABLE
        and any(definition.matches_camera(video.camera_id) for definition in looking)
        and (not cameras or any(fnmatch.fnmatchcase(video.camera_id, pattern) for pattern in cameras))
        and first <= date.fromisoformat(video.local_date) <= last
    ]
    if len(chosen) <= most:
        return chosen
    places = np.linspace(0, len(chosen) - 1, most).round().astype(int)  # [most] distinct, as most < len(chosen)
    return [chosen[place] for place in places]


def draft_scores(
    engine: Engine,
    draft: RuleDefinition,
    loaded: LoadedScorer,
    settings: Settings,
    progress: Callable[[StoredVideo], Progress],
) -> Callable[[StoredVideo], ScoredVideo | None]:
    """A function for ``rehearse``: scores a video for the draft's texts; None when its file cannot be used.

    It raises ModelError when a model breaks as a whole.
    """
    texts = RuleTexts(0, draft.name, draft.texts, draft.excluded)

    def score(video: StoredVideo) -> ScoredVideo | None:
        mask = footage_mask(settings, video)
        try:
            path = same_footage(settings, video)
        except FootageError:
            return None
        segments, whole = prepare(engine, video, path, loaded.profile, mask)
        # Of its own: what a rehearsal has judged is no part of any unit of work.
        with tempfile.TemporaryDirectory() as folder, Journal(Path(folder), "draft") as journal:
            rows = score_video(
                whole,
                [texts],
                loaded.scorer,
                journal,
                limits=Limits.of(settings),
                progress=progress(video),
                cascade=loaded.cascade(video),
            )
        return _scored(video, segments, rows, loaded)

    return score


def _scored(
    video: StoredVideo, segments: VideoSegments, rows: Sequence[SegmentScore], loaded: LoadedScorer
) -> ScoredVideo:
    sigma = loaded.profile.scoring.smoothing_sigma
    return ScoredVideo(
        video=video,
        scorer_id=loaded.stored.scorer_id,
        scores=frame_scores(segments.segments, rows, segments.frame_count, sigma),
        starts=np.concatenate([frame_moments(video.recorded_at, row) for row in segments.rows]),
        end=to_micros(video.recorded_at) + round(segments.duration_s * 1e6),
        segments=lambda: (),  # a rehearsal asks for no words
    )
