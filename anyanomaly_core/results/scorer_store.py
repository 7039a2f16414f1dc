"""Scorers and runs: what made a score, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.schema import NOW, scan_runs, scorers


@dataclass(frozen=True, slots=True)
class StoredScorer:
    """A profile together with the revisions of its models."""

    scorer_id: int
    digest: str
    profile_name: str
    code_version: str


def register_scorer(
    connection: Connection, profile: Profile, revisions: Mapping[str, str], *, code_version: str
) -> StoredScorer:
    """The scorer of a profile whose models are loaded; the same profile and revisions are the same scorer.

    Args:
        connection: in a transaction.
        profile: as loaded.
        revisions: ``models.loading.model_revisions(encoder, lvlm)``.
        code_version: of this package; the one that registered the scorer is kept.

    Raises:
        ConfigurationError: when its scores are for comparison with published figures only.
    """
    if profile.scoring.answers != "strict":
        raise ConfigurationError(
            f"Profile {profile.name} reads answers as the paper's code does: unreadable becomes 0. Such scores "
            "are not stored. Take scoring.answers out, or use the profile with `anyanomaly evaluate`."
        )
    row = insert(scorers).values(
        digest=profile.digest(dict(revisions)),
        profile_digest=profile.digest({}),
        profile_name=profile.name,
        profile=profile.model_dump(mode="json"),
        revisions=dict(revisions),
        code_version=code_version,
        notice=profile.notice,
    )
    upsert = row.on_conflict_do_update(
        index_elements=["digest"], set_={"last_used_at": NOW, "notice": row.excluded.notice}
    )
    s = scorers.c
    return StoredScorer(
        *connection.execute(upsert.returning(s.scorer_id, s.digest, s.profile_name, s.code_version)).one()
    )


def latest_scorer(
    connection: Connection, profile: Profile, known: Mapping[str, str] | None = None
) -> StoredScorer | None:
    """The scorer that this profile was last used as; None when it never was. Needs no model to be loaded.

    Args:
        connection: a read is enough.
        profile: as loaded.
        known: ``models.local_revisions.known_revisions(profile, settings)``: a scorer with other revisions is another.
    """
    s = scorers.c
    query = select(s.scorer_id, s.digest, s.profile_name, s.code_version).where(
        s.profile_digest == profile.digest({}), s.revisions.contains(dict(known or {}))
    )
    found = connection.execute(query.order_by(s.last_used_at.desc(), s.scorer_id.desc()).limit(1)).first()
    return None if found is None else StoredScorer(*found)


def start_run(
    connection: Connection,
    kind: str,
    *,
    code_version: str,
    external_id: str | None = None,
    params: Mapping[str, Any] | None = None,
) -> int:
    """Note that a run begins, or, for an ``external_id`` already known, that it goes on; returns its id."""
    row = insert(scan_runs).values(
        kind=kind, external_id=external_id, code_version=code_version, params=dict(params or {})
    )
    upsert = row.on_conflict_do_update(
        index_elements=["kind", "external_id"],
        set_={
            "finished_at": None,
            "outcome": None,
            "summary": scan_runs.c.summary.op("-")("failures"),  # of tasks that were planned before
        },
    )
    return int(connection.execute(upsert.returning(scan_runs.c.run_id)).scalar_one())


def finish_run(connection: Connection, run_id: int, outcome: str, summary: Mapping[str, Any]) -> None:
    """Note how a run ended and what it did, beside what its tasks noted meanwhile."""
    connection.execute(
        update(scan_runs)
        .where(scan_runs.c.run_id == run_id)
        .values(finished_at=NOW, outcome=outcome, summary=scan_runs.c.summary.concat(dict(summary)))
    )
