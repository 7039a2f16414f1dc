"""A draft tried on a moment of footage: scores, the model's words, and what it looked at. No score is stored.

The pictures are kept among the stills, which make room for others, and go when the results of their video do.
"""

import re
import secrets
from datetime import datetime
from pathlib import Path

from PIL import Image as Pictures
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, text

from anyanomaly_core.archive.trial import moment_video, try_moment
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.trial import Trial, TrialScorer, trial_pictures
from anyanomaly_core.errors import StorageError
from anyanomaly_core.profile import load_profile
from anyanomaly_core.review.clips.clip import review_cache
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.types import RuleTexts

SECONDS = 20.0  # around the moment
_NAME = re.compile(r"[0-9a-f]{64}-trial-[0-9a-f]{32}-(key|attention|position|grid)\.png")


class Segment(BaseModel):
    """A segment that was looked at."""

    model_config = ConfigDict(frozen=True)

    start_s: float  # in the file
    end_s: float
    score: float | None
    reason: str | None  # of no score


class TrialReport(BaseModel):
    """What a page shows of a trial."""

    model_config = ConfigDict(frozen=True)

    source: str
    texts: str
    profile: str
    notice: str | None
    video_id: int
    segments: list[Segment]
    best: int | None  # place of the highest; None: none could be scored
    rationale: str | None
    pictures: dict[str, str]  # kind -> name of the file


def try_draft(
    engine: Engine,
    settings: Settings,
    draft: RuleDefinition,
    *,
    camera: str,
    moment: datetime,
    progress: Progress = no_progress,
) -> TrialReport:
    """Score some seconds around a moment for a draft's texts; raises as :func:`try_moment`."""
    scorer = TrialScorer(load_profile(draft.profile or settings.profile), settings)
    rule = RuleTexts(0, draft.name, draft.texts, draft.excluded)
    with engine.connect() as connection:
        video = moment_video(connection, camera, moment)
    trial = try_moment(engine, settings, scorer, rule, camera=camera, moment=moment, seconds=SECONDS, progress=progress)
    best = trial.best_score
    return TrialReport(
        source=trial.source,
        texts=trial.text,
        profile=trial.profile.name,
        notice=trial.profile.notice,
        video_id=video.video_id,
        segments=[
            Segment(start_s=begin, end_s=end, score=row.score, reason=row.reason if row.score is None else None)
            for (_, begin, end), row in zip(trial.spans, trial.scores, strict=True)
        ],
        best=trial.best,
        rationale=None if best is None or best.rationale is None else best.rationale[:2001],
        pictures=_keep_pictures(settings, trial, video.content_sha256),
    )


def trial_picture(settings: Settings, name: str) -> Path:
    """A picture of a trial; raises StorageError when it is none, or has made room for others."""

    def gone(_: Path) -> None:
        raise StorageError("There is no such picture any more; try the rule again.")

    if not _NAME.fullmatch(name):
        raise StorageError("There is no such picture.")
    return review_cache(settings, "stills").get(name, gone)


def moments_to_try(engine: Engine, cameras: list[str], most: int = 8) -> list[dict[str, object]]:
    """Moments of footage of these cameras, newest first: one of each of the newest videos, at its middle."""
    with engine.connect() as connection:
        rows = connection.execute(_MOMENTS, {"cameras": cameras, "most": most}).mappings()
        return [dict(row) for row in rows]


_MOMENTS = text("""
    SELECT v.video_id, c.camera_id AS camera, coalesce(c.name, c.camera_id) AS camera_name, v.duration_s / 2 AS second,
           (v.recorded_at + make_interval(secs => v.duration_s / 2)) AT TIME ZONE c.time_zone AS local_time,
           v.recorded_at_source LIKE 'modified%' AS dated_by_change
    FROM videos v JOIN cameras c USING (camera_id)
    WHERE v.state IN ('ready', 'damaged') AND v.replaced_by IS NULL AND v.duration_s > 0
      AND glob_matches(v.camera_id, :cameras)
    ORDER BY v.recorded_at DESC, v.video_id LIMIT :most""")


def _keep_pictures(settings: Settings, trial: Trial, content: str | None) -> dict[str, str]:
    if trial.explanation is None or content is None:
        return {}
    stem = f"{content}-trial-{secrets.token_hex(16)}"
    kept = {}
    for kind, image in trial_pictures(trial.explanation).items():
        name = f"{stem}-{kind}.png"
        review_cache(settings, "stills").get(name, Pictures.fromarray(image).save)
        kept[kind] = name
    return kept
