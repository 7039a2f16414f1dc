"""What a draft of a rule would find, lose and move: from stored scores, or scored for it by the DAG ``try_rule``."""

from datetime import datetime
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, text

from anyanomaly_core.archive.drafts import draft_scores, sample_videos
from anyanomaly_core.archive.scan import segment_progress
from anyanomaly_core.archive.scorer import load_scorer
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import rehearsal
from anyanomaly_core.results.catalog import StoredVideo, load_videos
from anyanomaly_core.results.rehearsal import EventDifference, EventInterval, Rehearsal
from anyanomaly_core.rules.definition import RuleDefinition

MAX_VIDEOS = 200  # whose stored scores are looked at while a page waits
_MAX_CHANGES = 60  # that are listed, each with its picture
_NEWEST = text("""
    SELECT video_id FROM (
        SELECT DISTINCT v.video_id, v.recorded_at FROM videos v JOIN units u USING (video_id)
        JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
        WHERE r.name = :rule AND u.is_current AND u.state <> 'failed') AS scored
    ORDER BY recorded_at DESC, video_id LIMIT :most""")
_NOTICES = text("""
    SELECT string_agg(DISTINCT s.notice, ' ') FROM units u JOIN scorers s USING (scorer_id)
    JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
    WHERE r.name = :rule AND u.is_current AND u.video_id = ANY(:videos)""")
_DATED_BY_CHANGE = text("""
    SELECT video_id FROM videos WHERE video_id = ANY(:videos) AND recorded_at_source LIKE 'modified%'""")


class Span(BaseModel):
    """An event, on the clock of its camera."""

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    ended_at: datetime
    peak_score: float

    @classmethod
    def of(cls, event: EventInterval | None, zone: ZoneInfo) -> Self | None:
        """From a rehearsal."""
        if event is None:
            return None
        began, ended = event.started_at.astimezone(zone), event.ended_at.astimezone(zone)
        return cls(started_at=began, ended_at=ended, peak_score=event.peak_score)


class Change(BaseModel):
    """What becomes of an event."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["found", "lost", "moved", "same"]
    camera: str
    video_id: int
    second: float  # of the peak, in the video: its picture
    dated_by_change: bool
    before: Span | None
    after: Span | None

    @property
    def span(self) -> Span:
        """The event as the draft has it, or of a lost one, as it is now."""
        found = self.after or self.before
        assert found is not None  # noqa: S101  (one of them is always there)
        return found


class RehearsalReport(BaseModel):
    """What a page shows of a rehearsal."""

    model_config = ConfigDict(frozen=True)

    videos: int
    unscored: int
    scored_anew: bool  # by the run that made this; otherwise from scores that were there
    counts: dict[str, int]
    histogram: list[int]  # frames by score, in equal parts of 0 to 1
    changes: list[Change]  # found, lost and moved first, each kind by score; then what stays as it is
    notice: str | None = None  # of the profile whose scores these are


def rehearse_stored(engine: Engine, draft: RuleDefinition) -> RehearsalReport:
    """Compare a draft with the rule on up to 200 of its newest scored videos.

    Raises:
        RuleError: the rule was never scored with these words.
    """
    with engine.connect() as connection:
        newest = connection.execute(_NEWEST, {"rule": draft.name, "most": MAX_VIDEOS}).scalars().all()
        found = rehearsal.rehearse(connection, draft, load_videos(connection, newest) if newest else [])
        asked = {"rule": draft.name, "videos": [video.video_id for video in found.videos]}
        notice = connection.execute(_NOTICES, asked).scalar()
        return _report(connection, found, scored_anew=False, notice=notice)


def rehearse_with_scoring(
    engine: Engine, settings: Settings, draft: RuleDefinition, *, videos: int, progress: Progress = no_progress
) -> RehearsalReport:
    """Score a draft on a sample of the footage of its cameras, spread over the archive, and compare. Stores no score.

    Args:
        engine: with the writer's rights.
        settings: of the installation.
        draft: with the name of its rule.
        videos: size of the sample.
        progress: of the segments of all videos.

    Raises:
        ConfigurationError: there is no footage for it.
        ModelError: a model is not to be had.
    """
    with engine.connect() as connection:
        chosen = sample_videos(connection, draft, most=videos)
    if not chosen:
        raise ConfigurationError(f"There is no footage of {', '.join(draft.cameras)} that the draft could be tried on.")
    profile = load_profile(draft.profile or settings.profile)
    score = draft_scores(
        engine, draft, load_scorer(engine, profile, settings), settings, segment_progress(chosen, profile, progress)
    )
    with engine.connect() as connection:
        found = rehearsal.rehearse(connection, draft, chosen, score)
        return _report(connection, found, scored_anew=True, notice=profile.notice)


def _report(connection: Connection, found: Rehearsal, *, scored_anew: bool, notice: str | None) -> RehearsalReport:
    order = {"found": 0, "lost": 1, "moved": 2, "same": 3}
    listed = sorted(found.differences, key=lambda d: (order[d.kind], -_event(d).peak_score))[:_MAX_CHANGES]
    ids = [difference.video.video_id for difference in listed]
    by_change = set(connection.execute(_DATED_BY_CHANGE, {"videos": ids}).scalars())
    return RehearsalReport(
        videos=len(found.videos),
        unscored=len(found.unscored),
        scored_anew=scored_anew,
        counts=dict(found.counts),
        histogram=[int(count) for count in found.histogram],
        changes=[_change(difference, by_change) for difference in listed],
        notice=notice,
    )


def _change(difference: EventDifference, dated_by_change: set[int]) -> Change:
    video: StoredVideo = difference.video
    zone = ZoneInfo(video.time_zone)
    return Change(
        kind=difference.kind,
        camera=video.camera_id,
        video_id=video.video_id,
        second=round((_event(difference).peak_at - video.recorded_at).total_seconds(), 3),
        dated_by_change=video.video_id in dated_by_change,
        before=Span.of(difference.before, zone),
        after=Span.of(difference.after, zone),
    )


def _event(difference: EventDifference) -> EventInterval:
    found = difference.after or difference.before
    assert found is not None  # noqa: S101  (one of them is always there)
    return found
