"""A profile with its models in memory, known to the results database."""

from dataclasses import dataclass

from sqlalchemy import Engine

from anyanomaly_core import __version__
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.scorer import LoadedProfile, load_models
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.scorer_store import StoredScorer, register_scorer
from anyanomaly_core.results.waiting import with_database_retry


@dataclass(frozen=True, slots=True)
class ArchiveScorer:
    """What scores the videos of an archive. Made once per task."""

    models: LoadedProfile
    stored: StoredScorer

    @property
    def profile(self) -> Profile:
        """Models and parameters."""
        return self.models.profile


def load_scorer(engine: Engine, profile: Profile, settings: Settings) -> ArchiveScorer:
    """Load the models of a profile and register the scorer they make.

    Raises:
        ModelError: when a model is not to be had.
    """
    models = load_models(profile, settings)

    def register() -> StoredScorer:
        with engine.begin() as connection:
            return register_scorer(connection, profile, models.revisions, code_version=__version__)

    stored = with_database_retry(engine, settings.database_patience_s, register)  # loading may have taken minutes
    return ArchiveScorer(models, stored)
