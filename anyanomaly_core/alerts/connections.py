"""Addresses and secrets of targets: an Airflow connection, in tasks from Airflow, elsewhere from the environment."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from anyanomaly_core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Connection:
    """What Airflow keeps under the name of a connection."""

    name: str
    host: str
    port: int | None = None
    login: str | None = None
    password: SecretStr | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def secret(self, what: str) -> str:
        """The password; raises ConfigurationError when there is none. ``what`` says what it is good for."""
        if self.password is None or not self.password.get_secret_value():
            raise ConfigurationError(
                f"The connection {self.name} has no password, which is {what}; see docs/alerts.md."
            )
        return self.password.get_secret_value()


Connections = Callable[[str], Connection]


def connection_from_environment(name: str) -> Connection:
    """The connection of ``AIRFLOW_CONN_<NAME>``, as JSON, as Airflow itself reads it.

    Raises:
        ConfigurationError: when it is not there or cannot be read. Nothing of its content is in the message.
    """
    variable = f"AIRFLOW_CONN_{name.upper()}"
    if variable not in os.environ:
        raise ConfigurationError(
            f"There is no connection {name}: set {variable}, or add it in Airflow; docs/alerts.md."
        )
    try:
        stated = json.loads(os.environ[variable])
        extra = stated.get("extra") or {}
        return Connection(
            name=name,
            host=str(stated.get("host") or ""),
            port=None if stated.get("port") is None else int(stated["port"]),
            login=stated.get("login"),
            password=SecretStr(str(stated["password"])) if stated.get("password") else None,
            extra=json.loads(extra) if isinstance(extra, str) else dict(extra),
        )
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(f"{variable} is not a connection in JSON as docs/alerts.md shows it.") from None


def resolve_connections(connections: Connections, names: set[str]) -> Connections:
    """The same connections, looked up now: Airflow answers only the thread that its task runs in."""
    found: dict[str, Connection | ConfigurationError] = {}
    for name in names:
        try:
            found[name] = connections(name)
        except ConfigurationError as error:  # of one target; the others are told all the same
            found[name] = error

    def look_up(name: str) -> Connection:
        of_name = found[name]
        if isinstance(of_name, ConfigurationError):
            raise of_name
        return of_name

    return look_up
