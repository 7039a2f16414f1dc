"""Where figures come from: the software and its commit, the time, the models as they are or as a server names them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import anyanomaly_core
from anyanomaly_core import __version__

UNKNOWN_COMMIT = "unknown commit"
_GIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model that answered."""

    name: str  # as the profile has it, or as the server calls it
    revision: str  # of the hub, a hash of the weights, or what a server says it serves


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a reader needs to have in hand before believing a figure."""

    evaluated_at: datetime
    code: str  # version and commit of this software
    models: Mapping[str, Mapping[str, ModelVersion]] = field(default_factory=dict)  # by variant and part of the profile
    resamples: int = 0  # behind each interval

    @classmethod
    def now(cls, models: Mapping[str, Mapping[str, ModelVersion]], *, resamples: int) -> "Provenance":
        """Provenance of figures that are computed now."""
        return cls(datetime.now(UTC), code_version(), models, resamples)


def code_version() -> str:
    """Version and commit, such as ``0.1.0 (3f2a9c1, modified)``."""
    folder = Path(anyanomaly_core.__file__).parent
    return f"{__version__} ({checkout_commit(folder) or _installed_commit() or UNKNOWN_COMMIT})"


def checkout_commit(folder: Path) -> str | None:
    """Commit of the checkout that the package is run from; None where it is not one of this package."""
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:  # not a package inside another's checkout
        return None
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", ".")
    return None if commit is None else f"{commit}, modified" if changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _installed_commit() -> str | None:
    """The commit that pip installed from, where it installed from a repository (PEP 610)."""
    try:
        stated = json.loads(metadata.distribution("anyanomaly-archive").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    commit = stated.get("vcs_info", {}).get("commit_id")
    return commit[:12] if isinstance(commit, str) else None
