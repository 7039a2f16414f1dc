"""Alerts in Airflow: where their connections come from, and when what waits is tried again."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import CronTriggerTimetable

if TYPE_CHECKING:
    from anyanomaly_core.alerts.connections import Connection


def airflow_connection(name: str) -> "Connection":
    """A connection of Airflow: from its secrets backend, its environment or its database.

    Raises:
        ConfigurationError: when there is none of this name.
    """
    from airflow.sdk import Connection as AirflowConnection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from pydantic import SecretStr

    from anyanomaly_core.alerts.connections import Connection
    from anyanomaly_core.errors import ConfigurationError

    try:
        found = AirflowConnection.get(name)
    except AirflowNotFoundException:
        raise ConfigurationError(f"Airflow has no connection {name}; docs/alerts.md says how to add it.") from None
    return Connection(
        name=name,
        host=found.host or "",
        port=found.port,
        login=found.login,
        password=SecretStr(found.password) if found.password else None,
        extra=found.extra_dejson,
    )


def alert_schedule() -> CronTriggerTimetable | None:
    """Every ten minutes where somebody is to be told of events; none: nobody is."""
    if not os.environ.get("ANYANOMALY_ALERTS"):
        return None
    return CronTriggerTimetable("*/10 * * * *", timezone="UTC", run_immediately=timedelta(seconds=0.5))
