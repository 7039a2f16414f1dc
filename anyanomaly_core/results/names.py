"""Names that a person typed, compared with those that there are: what is unknown is told, with the nearest name."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from anyanomaly_core.errors import ConfigurationError, RuleError, did_you_mean
from anyanomaly_core.results.schema import cameras, rules
from anyanomaly_core.rules.cameras import resolve_pattern


def require_rules(connection: Connection, names: Sequence[str]) -> None:
    """Raise RuleError when a rule of one of these names was never applied."""
    known = set(connection.execute(select(rules.c.name)).scalars())
    for name in names:
        if name not in known:
            raise RuleError(f"There is no rule {name!r}; {did_you_mean(name, known)}")


def require_cameras(connection: Connection, patterns: Sequence[str]) -> list[str]:
    """Ids of the cameras that the ids and patterns mean.

    Raises:
        ConfigurationError: when one of them means no camera of the archive.
    """
    known = list(connection.execute(select(cameras.c.camera_id)).scalars())
    found: set[str] = set()
    for pattern in patterns:
        ids = resolve_pattern(pattern, known)
        if not ids:
            raise ConfigurationError(f"No camera is called {pattern!r}; {did_you_mean(pattern, known)}")
        found.update(ids)
    return sorted(found)
