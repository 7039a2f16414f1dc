"""Which revisions loading a profile's models would give, as far as that can be told without loading them."""

import logging

from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.loading import local_directory, local_revision
from anyanomaly_core.profile import ModelPart, Profile

log = logging.getLogger(__name__)


def known_revisions(profile: Profile, settings: ModelSettings) -> dict[str, str]:
    """Revision of each model that lies on this machine, ``{"encoder": ..., "lvlm": ...}``; others are left out.

    Files that were hashed before are only looked at (size and time of change); new ones are hashed, which takes a
    second for each gigabyte, once.

    Args:
        profile: of which only the models that its scorer uses are looked for.
        settings: where models lie.
    """
    found: dict[str, str] = {}
    for part in profile.parts:
        if part != "lvlm" or profile.lvlm.backend != "openai":
            _add(found, part, profile, settings)
    return found


def _add(found: dict[str, str], part: ModelPart, profile: Profile, settings: ModelSettings) -> None:
    spec = profile.spec_of(part)
    try:
        directory = local_directory(spec.model.removeprefix("hf-hub:"), spec.path, part, settings)
        if directory is not None:
            found[part] = local_revision(directory, settings)
    except ModelError as error:  # models may lie only where they are loaded
        log.info("Planning goes by the last revision of the %s that was used: %s", part, error)
