"""Sending what waits in the outbox, target by target."""

import logging
from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine

from anyanomaly_core.alerts.connections import Connection, Connections
from anyanomaly_core.alerts.mail import send_mail
from anyanomaly_core.alerts.message import AlertMessage, alert_message, example_message
from anyanomaly_core.alerts.mqtt import send_mqtt
from anyanomaly_core.alerts.webhook import send_slack, send_webhook
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AlertError, AlertRefusedError, ConfigurationError
from anyanomaly_core.results.alert_outbox import postpone, settle, take
from anyanomaly_core.rules.alerts import AlertFile, MailTarget, MqttTarget, SlackTarget, Target, WebhookTarget

log = logging.getLogger(__name__)


def send_waiting(
    engine: Engine,
    settings: Settings,
    alerts: AlertFile,
    connections: Connections,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Send every alert that is due; safe beside others who do the same.

    A target that fails keeps its alerts and rests; the others are told all the same.

    Args:
        engine: with the writer's rights.
        settings: of the installation, for pictures.
        alerts: the file of alerts.
        connections: looks up addresses and secrets.
        stopped: asked between two alerts whether to stop.

    Returns:
        How many were ``sent``, ``refused``, ``gone`` and ``postponed``.
    """
    counts: Counter[str] = Counter()
    for target in alerts.targets:
        while not stopped() and (outcome := _send_next(engine, settings, alerts, target, connections)) is not None:
            counts[outcome] += 1
            if outcome == "postponed":
                break
    return counts


def send_test(alerts: AlertFile, name: str, connections: Connections) -> None:
    """Send a made-up alert, that says so, to a target.

    Raises:
        AlertError: it could not be sent.
        ConfigurationError: there is no such target, or its connection is missing or wrong.
    """
    target = alerts.target(name)
    send(example_message(alerts), target, connections(target.connection))


def send(message: AlertMessage, target: Target, connection: Connection) -> None:
    """Send one alert. Raises AlertError when it could not be sent, ConfigurationError for an unusable connection."""
    match target:
        case WebhookTarget():
            send_webhook(message, connection)
        case SlackTarget():
            send_slack(message, connection)
        case MailTarget():
            send_mail(message, target, connection)
        case MqttTarget():
            send_mqtt(message, target, connection)


def _send_next(
    engine: Engine, settings: Settings, alerts: AlertFile, target: Target, connections: Connections
) -> str | None:
    """What became of the target's next alert; None: none is due."""
    alert = take(engine, target)
    if alert is None:
        return None
    message = alert_message(engine, settings, alerts, target, alert)
    if message is None:
        settle(engine, alert, "gone", "the event is no longer there")
        return "gone"
    try:
        send(message, target, connections(target.connection))
    except AlertRefusedError as error:
        log.warning("The target %s refuses alert %s: %s", target.name, alert.key, error)
        settle(engine, alert, "refused", str(error))
        return "refused"
    except (AlertError, ConfigurationError) as error:
        log.warning("Alerts for %s wait (try %d): %s", target.name, alert.attempts, error)
        postpone(engine, alert, str(error))
        return "postponed"
    settle(engine, alert, "sent")
    return "sent"
