"""What ``maintain_archive`` does about files that kills left, right away instead of after some hours."""

from anyanomaly_core.archive.leftovers import find_leftovers, remove_leftover
from anyanomaly_core.config import Settings
from anyanomaly_core.results.engine import make_engine


def maintain(settings: Settings) -> None:
    """Remove what nothing needs, as the tasks' own user; no worker is alive meanwhile."""
    engine = make_engine(settings.database_url.get_secret_value())
    for found in list(find_leftovers(engine, settings, min_age_s=0)):
        assert remove_leftover(engine, settings, found), found
    engine.dispose()
