"""Which kept embeddings a scan to come would read: everything else of known footage only fills the disk."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from anyanomaly_core.archive.footage import cameras_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.embeddings import encoding_digest
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.schema import NOW, scorers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _PastScorer:
    """A scorer of the past."""

    profile: Profile
    profile_digest: str
    revision: str  # of its encoder
    recent: bool


class WantedEncodings:
    """Names of the folders of embeddings that are wanted, by cameras: a privacy mask is part of the name."""

    def __init__(self, settings: Settings, encoders: list[tuple[Profile, str]]) -> None:
        self._settings, self._encoders = settings, encoders
        self._by_cameras: dict[frozenset[str], set[str]] = {}

    def of(self, camera_ids: frozenset[str]) -> set[str]:
        """Names of the folders for content that was found under these cameras."""
        if camera_ids not in self._by_cameras:
            mask = cameras_mask(self._settings, camera_ids)
            digest = None if mask is None else mask.digest
            self._by_cameras[camera_ids] = {encoding_digest(*encoder, digest)[:16] for encoder in self._encoders}
        return self._by_cameras[camera_ids]


def wanted_encodings(connection: Connection, settings: Settings, *, recent_s: float) -> WantedEncodings | None:
    """The encodings of the installation's profile and of every rule that is not retired, with the revision used last.

    A scorer that was used within ``recent_s`` seconds counts too: a scan may be running with it.

    Returns:
        None: a profile or the privacy masks cannot be read now, so nobody can say.
    """
    try:
        profiles = [load_profile(name) for name in sorted(_profile_names(connection, settings))]
        cameras_mask(settings, ())  # a mask file that is wrong is noticed here
    except ConfigurationError as error:
        log.warning("Embeddings of unused encoders are left alone: %s", error)
        return None
    used = list(_past_scorers(connection, recent_s))
    encoders = [(scorer.profile, scorer.revision) for scorer in used if scorer.recent]
    for profile in profiles:
        itself = [scorer.revision for scorer in used if scorer.profile_digest == profile.digest({})]
        alike = [scorer.revision for scorer in used if _model(scorer.profile) == _model(profile)]
        encoders += [(profile, revision) for revision in {*itself[:1], *alike[:1]}]
    return WantedEncodings(settings, encoders)


def _profile_names(connection: Connection, settings: Settings) -> set[str]:
    """The installation's own is that of the next rule; a paused rule may go on tomorrow."""
    waiting = [rule for rule in list_rules(connection) if rule.state != "retired"]
    return {settings.profile} | {rule.definition.profile or settings.profile for rule in waiting}


def _past_scorers(connection: Connection, recent_s: float) -> Iterator[_PastScorer]:
    """Scorers with an encoder, the one that was used last first."""
    s = scorers.c
    age = func.extract("epoch", NOW - s.last_used_at)
    query = select(s.profile, s.profile_digest, s.revisions["encoder"].astext, age)
    query = query.where(s.revisions.has_key("encoder")).order_by(s.last_used_at.desc(), s.scorer_id.desc())
    for body, digest, revision, age_s in connection.execute(query):
        try:
            yield _PastScorer(Profile.model_validate(body), digest, revision, float(age_s) < recent_s)
        except ValidationError:  # a profile of another version of this package: no scan of today uses it
            continue


def _model(profile: Profile) -> tuple[str | None, ...]:
    """What of a profile decides which revision is loaded, apart from where it lies on this machine."""
    spec = profile.encoder
    return spec.model, spec.pretrained, spec.revision
