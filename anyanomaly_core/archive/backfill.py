"""One rule over stored footage: what is missing by camera and day, and scoring it within a budget."""

import fnmatch
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from sqlalchemy import Connection, Engine, select

from anyanomaly_core.archive.rates import Rates, measured_rates, segments_of
from anyanomaly_core.archive.unit import LoadedScorer, scan_video
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.video import Progress
from anyanomaly_core.errors import RuleError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.planning import missing_units
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import cameras as camera_table
from anyanomaly_core.results.spending import Meter, Spent, spent_by
from anyanomaly_core.scoring.types import Status

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rule over which footage. Days are those of the camera, both ends inclusive."""

    rule: StoredRule
    profile: str
    cameras: tuple[str, ...] = ()  # ids or patterns; none: all that the rule looks at
    first_day: date | None = None
    last_day: date | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a run stops; None: nowhere."""

    gpu_hours: float | None = None
    segments: int | None = None

    def allows(self, spent: Spent, segments: int, seconds: float) -> bool:
        """Whether so many more segments, which take about so many seconds, are within the budget."""
        if self.segments is not None and spent.segments + segments > self.segments:
            return False
        return self.gpu_hours is None or spent.seconds + seconds <= self.gpu_hours * 3600


@dataclass(frozen=True, slots=True)
class CameraDays:
    """Missing videos of one camera and of one day, or of some that follow one another."""

    camera: str
    first_day: str  # yyyy-mm-dd
    last_day: str
    videos: tuple[StoredVideo, ...]


@dataclass(slots=True)
class Done:
    """What scoring came to."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)  # uri -> reason
    left: list[StoredVideo] = field(default_factory=list)  # for want of budget


def make_scope(
    rule: StoredRule,
    default_profile: str,
    *,
    cameras: Sequence[str] = (),
    first_day: str | None = None,
    last_day: str | None = None,
    newest_first: bool = False,
) -> Scope:
    """Check what a person has asked for.

    Raises:
        RuleError: when the rule is retired, a day is none, or the days are the wrong way round.
    """
    if rule.state == "retired":
        raise RuleError(f"Rule {rule.name!r} is retired; `anyanomaly rules state {rule.name} active` brings it back.")
    try:
        first, last = (date.fromisoformat(day) if day else None for day in (first_day, last_day))
    except ValueError as error:
        raise RuleError(f"A day is written yyyy-mm-dd: {error}.") from None
    if first is not None and last is not None and first > last:
        raise RuleError(f"The first day, {first}, is after the last, {last}.")
    profile = rule.definition.profile or default_profile
    return Scope(rule, profile, tuple(cameras), first, last, newest_first)


def missing_videos(connection: Connection, scope: Scope, scorer_id: int | None) -> list[StoredVideo]:
    """Videos that the rule lacks scores for, by day in the order of the scope."""
    day = timedelta(days=1)  # recordings are stored in UTC: of a camera's day, some lie a day before or after
    found = missing_units(
        connection,
        [scope.rule],
        scorer_id,
        camera_ids=_camera_ids(connection, scope.cameras) if scope.cameras else None,
        recorded_from=None if scope.first_day is None else _midnight(scope.first_day - day),
        recorded_before=None if scope.last_day is None else _midnight(scope.last_day + 2 * day),
        newest_first=scope.newest_first,
    )
    first, last = scope.first_day or date.min, scope.last_day or date.max
    videos = [unit.video for unit in found]
    return [video for video in videos if first <= date.fromisoformat(video.local_date) <= last]


def by_camera_day(videos: Sequence[StoredVideo], *, newest_first: bool, most: int) -> list[CameraDays]:
    """Group videos by camera and day; where there would be more than ``most``, by several days of a camera.

    In the order of the days. Not more than ``most`` unless there are more cameras than that.
    """
    in_order = sorted(videos, key=_camera_and_day, reverse=newest_first)  # stable: within a day as they came
    days = [tuple(group) for _, group in groupby(in_order, key=_camera_and_day)]
    together = -(-len(days) // most)
    while _bundles(days, together) > most and together < len(days):
        together += 1
    packed: list[CameraDays] = []
    for _, of_camera in groupby(days, key=lambda day: day[0].camera_id):
        rows = list(of_camera)
        for start in range(0, len(rows), together):
            part = [video for day in rows[start : start + together] for video in day]
            dates = sorted(video.local_date for video in (part[0], part[-1]))
            packed.append(CameraDays(part[0].camera_id, dates[0], dates[1], tuple(part)))
    return sorted(packed, key=lambda days: (days.first_day, days.camera), reverse=newest_first)


def score_missing(
    engine: Engine,
    videos: Sequence[StoredVideo],
    rule: StoredRule,
    loaded: LoadedScorer,
    *,
    settings: Settings,
    budget: Budget,
    meter: Meter,
    progress: Callable[[StoredVideo], Progress],
) -> Done:
    """Score videos one after the other and commit each; before each the budget is looked at.

    Several workers of a run share its budget: each may go over it by the video it is at. A video that fails keeps no
    other from being scored.

    Raises:
        ModelError, StorageError: as ``scan_video``.
    """
    done = Done()
    texts = len(rule.definition.texts)
    rates: Rates | None = None
    for place, video in enumerate(videos):
        with engine.connect() as connection:
            spent = spent_by(connection, meter.run_id)
            if rates is None and budget.gpu_hours is not None:
                rates = measured_rates(connection, loaded.stored.scorer_id)
        if not allowed(budget, spent, video, profile=loaded.profile, texts=texts, rates=rates):
            done.left += videos[place:]
            break
        scanned = scan_video(
            engine,
            video,
            [rule],
            loaded,
            settings=settings,
            limits=Limits.of(settings),
            run_id=meter.run_id,
            progress=progress(video),
        )
        if scanned is None:
            done.counts["videos_done_before"] += 1
            continue
        rows = sum(count for status, count in scanned.segments.items() if status is not Status.FAILED)
        meter.scored(rows, 1, scanned.work_s)
        done.counts.update({f"rows_{status.value}": count for status, count in scanned.segments.items()})
        done.counts.update({"events": scanned.events, "videos": int(scanned.failure is None)})
        if scanned.failure is not None:
            done.failures[video.uri] = scanned.failure
            log.error("%s: %s", video.uri, scanned.failure)
    return done


def allowed(
    budget: Budget, spent: Spent, video: StoredVideo, *, profile: Profile, texts: int, rates: Rates | None
) -> bool:
    """Whether a video fits into what is left of a budget; its time counts as soon as rates are known."""
    seconds = 0.0 if rates is None else rates.seconds(video, profile, texts)
    return budget.allows(spent, segments_of(video, profile), seconds)


def within(
    days: Sequence[CameraDays], budget: Budget, spent: Spent, *, profile: Profile, texts: int, rates: Rates | None
) -> list[CameraDays]:
    """The first camera-days that the budget may reach, the last of them perhaps only in part.

    Generous with time, which is an estimate: the tasks look themselves before each video.
    """
    reached = []
    for bundle in days:
        if not budget.allows(spent, segments_of(bundle.videos[0], profile), 0.0):
            break
        reached.append(bundle)
        segments = sum(segments_of(video, profile) for video in bundle.videos)
        seconds = sum(rates.seconds(video, profile, texts) for video in bundle.videos) if rates else 0.0
        spent = Spent(spent.seconds + seconds / 2, spent.segments + segments)
    return reached


def _bundles(days: Sequence[tuple[StoredVideo, ...]], together: int) -> int:
    return sum(-(-count // together) for count in Counter(day[0].camera_id for day in days).values())


def _camera_and_day(video: StoredVideo) -> tuple[str, str]:
    return video.camera_id, video.local_date


def _camera_ids(connection: Connection, patterns: Sequence[str]) -> list[str]:
    ids = connection.execute(select(camera_table.c.camera_id)).scalars()
    return [camera for camera in ids if any(fnmatch.fnmatchcase(camera, pattern) for pattern in patterns)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
