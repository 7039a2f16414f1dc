"""Rehearsing a draft of a rule over a sample of stored footage, scoring it where its words are new. Stores nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from sqlalchemy import Connection, Engine

from anyanomaly_core.archive.footage import footage_mask, verified_footage
from anyanomaly_core.archive.missing import FootageSelection
from anyanomaly_core.archive.scorer import ArchiveScorer
from anyanomaly_core.archive.unit import segment_video
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Progress
from anyanomaly_core.errors import FootageError, NoSegmentsError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.catalog import SCORABLE, StoredVideo, load_videos
from anyanomaly_core.results.moments import frame_moments, to_micros
from anyanomaly_core.results.names import require_cameras
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.scored_video import ScoredVideo
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore


def sample_videos(
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

    Raises:
        ConfigurationError: when the archive has no such camera.
    """
    wanted = set(require_cameras(connection, cameras))
    selection = FootageSelection(first_day=first_day, last_day=last_day)
    looking = [draft, *(rule.definition for rule in list_rules(connection) if rule.name == draft.name)]
    chosen = [
        video
        for video in load_videos(connection)
        if video.state in SCORABLE
        and any(definition.matches_camera(video.camera_id) for definition in looking)
        and (not cameras or video.camera_id in wanted)
        and selection.has_day(video)
    ]
    if len(chosen) <= most:
        return chosen
    places = np.linspace(0, len(chosen) - 1, most).round().astype(int)  # [most] distinct, as most < len(chosen)
    return [chosen[place] for place in places]


def draft_scores(
    engine: Engine,
    draft: RuleDefinition,
    scorer: ArchiveScorer,
    settings: Settings,
    progress: Callable[[StoredVideo], Progress],
) -> Callable[[StoredVideo], ScoredVideo | None]:
    """A function for ``rehearse``: scores a video for the draft's texts; None when its file cannot be used.

    It raises ModelError when a model breaks as a whole.
    """
    texts = RuleTexts(0, draft.name, draft.texts, draft.excluded)

    def score(video: StoredVideo) -> ScoredVideo | None:
        try:
            path = verified_footage(settings, video)
            mask = footage_mask(settings, video)
            segments, segmented = segment_video(engine, video, path, scorer.profile, mask)
        except (FootageError, NoSegmentsError):
            return None
        segmented = replace(segmented, stated_frames=None)  # a rehearsal corrects no index; the next scan does
        # Without a journal: what a rehearsal has judged is no part of any unit of work.
        rows = scorer.models.score(segmented, [texts], limits=Limits.of(settings), progress=progress(video))
        return _scored_video(video, segments, rows, scorer)

    return score


def _scored_video(
    video: StoredVideo, segments: VideoSegments, rows: Sequence[SegmentScore], scorer: ArchiveScorer
) -> ScoredVideo:
    return ScoredVideo(
        video=video,
        first_camera=video.camera_id,
        scorer_id=scorer.stored.scorer_id,
        scores=frame_scores(segments.segments, rows, video.pace, scorer.profile.scoring.smoothing),
        starts=np.concatenate([frame_moments(video.recorded_at, row) for row in segments.rows]),
        end=to_micros(video.recorded_at) + round(segments.duration_s * 1e6),
        segments=lambda: (),  # a rehearsal asks for no words
    )
