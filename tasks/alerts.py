"""Task of the DAG ``send_alerts``."""

import logging

from anyanomaly_core.alerts.connections import Connections
from anyanomaly_core.alerts.delivery import send_test, send_waiting
from anyanomaly_core.config import get_settings
from anyanomaly_core.rules.alerts import load_alerts
from tasks.context import database

log = logging.getLogger(__name__)


def send_alerts(connections: Connections, *, test: str | None = None) -> dict[str, int]:
    """Send what waits in the outbox; or, to the target ``test``, a made-up alert and nothing else.

    Raises:
        AlertError: the made-up alert could not be sent.
        ConfigurationError: the file of alerts is wrong, or there is no such target.
    """
    settings = get_settings()
    alerts = load_alerts(settings.alerts)
    if test is not None:
        send_test(alerts, test, connections)
        log.info("The target %s took a test.", test)
        return {"tests": 1}
    engine = database(settings)
    counts = send_waiting(engine, settings, alerts, connections)
    engine.dispose()
    log.info("%s", dict(counts) or "No alert was due.")
    return dict(counts)
