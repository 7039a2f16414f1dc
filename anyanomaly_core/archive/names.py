"""Names of rules and profiles in a small file, so that a form can propose them without asking the database.

The file is a copy that may be old or missing. Whoever takes a name from a form still looks it up in the database.
"""

import json
import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyanomaly_core.profile import builtin_profiles

if TYPE_CHECKING:  # forms are built wherever DAG files are read: without SQLAlchemy
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

_FILE = "names.json"
_MOST = 1000  # of each; beyond that a list to choose from helps nobody
_RULES = "SELECT name FROM rules WHERE state <> 'retired' ORDER BY name LIMIT :most"
_PROFILES = """
SELECT DISTINCT definition ->> 'profile' AS profile
FROM rules JOIN rule_versions USING (rule_id)
WHERE version = current_version AND state <> 'retired' AND definition ->> 'profile' IS NOT NULL
ORDER BY profile LIMIT :most"""


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What a form proposes, each in order."""

    rules: tuple[str, ...] = ()  # not retired
    profiles: tuple[str, ...] = ()  # built in, or named by a rule


def read_names(state_dir: Path) -> KnownNames:
    """The names as last written; without a file, or with one that is damaged, the built-in profiles only."""
    try:
        found = json.loads((state_dir / _FILE).read_text(encoding="utf-8"))
        rules, profiles = (tuple(map(str, found[name])) for name in ("rules", "profiles"))
    except (OSError, ValueError, KeyError, TypeError):
        rules, profiles = (), ()
    return KnownNames(rules, tuple(sorted({*builtin_profiles(), *profiles})))


def write_names(engine: "Engine", state_dir: Path) -> None:
    """Write the names that the database has now; a folder that cannot be written to is logged and no more."""
    from sqlalchemy import text  # noqa: PLC0415  (see above)

    with engine.connect() as connection:
        rules, profiles = (
            tuple(connection.execute(text(query), {"most": _MOST}).scalars()) for query in (_RULES, _PROFILES)
        )
    names = json.dumps(asdict(KnownNames(rules, profiles)), ensure_ascii=False, indent=1)
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=state_dir, prefix=".names-", delete=False) as part:
            part.write(names)
        Path(part.name).chmod(0o644)  # for the process that reads DAG files, whoever it runs as
        Path(part.name).replace(state_dir / _FILE)
    except OSError as error:
        log.warning("%s was not written: %s. Forms propose older names.", state_dir / _FILE, error)
