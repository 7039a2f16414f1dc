"""One rule over stored footage: what is missing by camera and day, what scoring it takes, how far a budget reaches."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.quote import Quote, make_quote
from anyanomaly_core.archive.rates import Rates, load_rates, segments_of
from anyanomaly_core.archive.scan import Budget
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import RuleError
from anyanomaly_core.models.local_revisions import known_revisions
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import latest_scorer
from anyanomaly_core.results.spending import Spending

MAX_TASKS = 1000  # Airflow maps at most 1024


@dataclass(frozen=True, slots=True)
class CameraDays:
    """Missing videos of one camera and of one day, or of some that follow one another."""

    camera: str
    first_day: str  # yyyy-mm-dd
    last_day: str
    videos: tuple[StoredVideo, ...]


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """A rule and a selection of footage, compared with the ledger."""

    rule: StoredRule
    profile: Profile
    selection: FootageSelection
    work: list[Unit]  # what is missing, by time
    rates: Rates | None

    @property
    def days(self) -> list[CameraDays]:
        """What is missing, in the order of the selection; each can be a task."""
        videos = [unit.video for unit in self.work]
        return group_by_camera_day(videos, newest_first=self.selection.newest_first, most=MAX_TASKS)

    def quote(self, tasks: int | None = None) -> Quote:
        """What scoring all of it takes, in a task for each of ``days`` unless said otherwise."""
        texts = len(self.rule.definition.texts)
        videos = [unit.video for unit in self.work]
        return make_quote(videos, texts, self.profile, self.rates, tasks=len(self.days) if tasks is None else tasks)

    def begins_within(self, budget: Budget, spent: Spending) -> bool:
        """Whether the budget allows the first of what is missing."""
        return bool(self.work) and budget.allows_unit(spent, self.work[0], self.profile, self.rates)

    def days_within(self, budget: Budget, spent: Spending) -> list[CameraDays]:
        """The first camera-days that the budget may reach, the last of them perhaps only in part.

        Generous with time, which is an estimate: the tasks look themselves before each video.
        """
        reached, texts = [], len(self.rule.definition.texts)
        for days in self.days:
            if not budget.allows(spent, segments_of(days.videos[0], self.profile), 0.0):
                break
            reached.append(days)
            segments = sum(segments_of(video, self.profile) for video in days.videos)
            of_each = (self.rates.seconds(video, self.profile, texts) for video in days.videos) if self.rates else ()
            spent = Spending(spent.seconds + sum(of_each) / 2, spent.segments + segments)
        return reached


def compare_with_ledger(
    connection: Connection, settings: Settings, rule: StoredRule, selection: FootageSelection
) -> BackfillPlan:
    """Compare a rule and a selection with the ledger; a read is enough, and no model is loaded.

    Raises:
        ConfigurationError: when the rule's profile cannot be read.
        RuleError: when the rule is retired.
    """
    if rule.state == "retired":
        raise RuleError(f"Rule {rule.name!r} is retired; `anyanomaly rules state {rule.name} active` brings it back.")
    profile = load_profile(profile_name(rule, settings))
    stored = latest_scorer(connection, profile, known_revisions(profile, settings))
    scorer_id = None if stored is None else stored.scorer_id
    work = missing_work(connection, [rule], scorer_id, selection, certified_too=True)
    return BackfillPlan(rule, profile, selection, work, load_rates(connection, scorer_id))


def profile_name(rule: StoredRule, settings: Settings) -> str:
    """The rule's own, or the installation's."""
    return rule.definition.profile or settings.profile


def group_by_camera_day(videos: Sequence[StoredVideo], *, newest_first: bool, most: int) -> list[CameraDays]:
    """Group videos by camera and day; where there would be more than ``most``, by several days of a camera.

    In the order of the days. Not more than ``most`` unless there are more cameras than that.
    """
    in_order = sorted(videos, key=_camera_and_day, reverse=newest_first)  # stable: within a day as they came
    days = [tuple(group) for _, group in groupby(in_order, key=_camera_and_day)]
    together = max(1, -(-len(days) // most))
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


def _bundles(days: Sequence[tuple[StoredVideo, ...]], together: int) -> int:
    return sum(-(-count // together) for count in Counter(day[0].camera_id for day in days).values())


def _camera_and_day(video: StoredVideo) -> tuple[str, str]:
    return video.camera_id, video.local_date
