"""What somebody asks for with a rule, cameras and days, looked up: what is missing of it, and what that will take."""

from dataclasses import dataclass

from sqlalchemy import Connection

from anyanomaly_core.archive.backfill import CameraDays, Scope, by_camera_day, missing_videos
from anyanomaly_core.archive.quote import Quote, make_quote
from anyanomaly_core.archive.rates import Rates, measured_rates
from anyanomaly_core.config import Settings
from anyanomaly_core.models.expected import known_revisions
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results.scorer_store import latest_scorer

MAX_TASKS = 1000  # Airflow maps at most 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A scope, and the state of it."""

    scope: Scope
    profile: Profile
    rates: Rates | None
    days: list[CameraDays]  # that are missing, in order; each is a task

    def quote(self, tasks: int | None = None) -> Quote:
        """What scoring all of it takes, in a task for each of ``days`` unless said otherwise."""
        videos = [video for bundle in self.days for video in bundle.videos]
        texts = len(self.scope.rule.definition.texts)
        return make_quote(videos, texts, self.profile, self.rates, tasks=len(self.days) if tasks is None else tasks)


def look_up(connection: Connection, settings: Settings, scope: Scope) -> Asked:
    """Compare a scope with the ledger; a read is enough, and no model is loaded.

    Raises:
        ConfigurationError: when the rule's profile cannot be read.
    """
    profile = load_profile(scope.profile)
    stored = latest_scorer(connection, profile, known_revisions(profile, settings))
    scorer_id = None if stored is None else stored.scorer_id
    videos = missing_videos(connection, scope, scorer_id)
    days = by_camera_day(videos, newest_first=scope.newest_first, most=MAX_TASKS)
    return Asked(scope, profile, measured_rates(connection, scorer_id), days)
