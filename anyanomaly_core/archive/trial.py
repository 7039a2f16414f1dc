"""A sentence tried on a moment of the archive. Nothing of it is stored."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from anyanomaly_core.archive.footage import footage_mask, verified_footage
from anyanomaly_core.archive.unit import segment_video
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.trial import Trial, TrialScorer, segments_around
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.catalog import SCORABLE, StoredVideo, load_videos
from anyanomaly_core.results.names import require_cameras
from anyanomaly_core.scoring.types import RuleTexts


def try_moment(
    engine: Engine,
    settings: Settings,
    scorer: TrialScorer,
    rule: RuleTexts,
    *,
    camera: str,
    moment: datetime,
    seconds: float = 30.0,
    progress: Progress = no_progress,
) -> Trial:
    """Score ``seconds`` around a moment of a camera, within the file that holds it, under the camera's privacy mask.

    Args:
        engine: with the writer's rights: how a video is split for this profile may be noted.
        settings: of the installation.
        scorer: with its models.
        rule: what to look for.
        camera: its id.
        moment: aware, or on the camera's clock.
        seconds: length of the stretch.
        progress: of the segments.

    Raises:
        ConfigurationError: there is no such camera, or it has no footage of this moment.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
    """
    with engine.connect() as connection:
        video = moment_video(connection, camera, moment)
    path = verified_footage(settings, video)
    mask = footage_mask(settings, video)
    segments, segmented = segment_video(engine, video, path, scorer.profile, mask)
    around_s = (_aware(moment, video) - video.recorded_at).total_seconds()
    spans = segments_around(
        [(row.segment, row.start_s, row.end_s) for row in segments.rows], around_s, seconds, video.uri
    )
    source = f"{video.camera_id}, {_aware(moment, video).astimezone(ZoneInfo(video.time_zone)):%Y-%m-%d %H:%M:%S}"
    return scorer.score(segmented, spans, rule, source=source, limits=Limits.of(settings), progress=progress)


def moment_video(connection: Connection, camera: str, moment: datetime) -> StoredVideo:
    """The video of a camera that holds a moment, aware or on the camera's clock; raises ConfigurationError."""
    [camera_id] = require_cameras(connection, [camera])
    for video in load_videos(connection):
        if video.state in SCORABLE and camera_id in {video.camera_id, *video.cameras}:
            end = video.recorded_at + timedelta(seconds=video.duration_s or 0.0)
            if video.recorded_at <= _aware(moment, video) < end:
                return video
    raise ConfigurationError(f"Camera {camera_id} has no footage of {moment:%Y-%m-%d %H:%M:%S} that can be scored.")


def _aware(moment: datetime, video: StoredVideo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(video.time_zone))
