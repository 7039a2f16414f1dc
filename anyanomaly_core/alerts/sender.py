"""Sending beside a scan: a thread of its own, so that no target, however slow, keeps a model waiting."""

import logging
import threading
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from anyanomaly_core.alerts.connections import Connections, connection_from_environment, resolve_connections
from anyanomaly_core.alerts.delivery import send_waiting
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.rules.alerts import load_alerts

log = logging.getLogger(__name__)

_LAST_WORDS_S = 20.0  # that the end of a scan waits for alerts that are under way; the rest stays in the outbox


class AlertSender:
    """Sends what waits whenever it is told that something was committed.

    Example:
        with AlertSender(engine, settings) as alerts:
            scan(..., committed=alerts.wake)

    Raises on entry:
        ConfigurationError: the file of alerts is wrong.
    """

    def __init__(
        self, engine: Engine, settings: Settings, connections: Connections = connection_from_environment
    ) -> None:
        self._engine, self._settings, self._connections = engine, settings, connections
        self._woken, self._ended, self._given_up = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._alerts = load_alerts(self._settings.alerts)
        if self._alerts.targets:
            self._connections = resolve_connections(
                self._connections, {target.connection for target in self._alerts.targets}
            )
            self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(_LAST_WORDS_S)
            self._given_up.set()
            if self._thread.is_alive():
                log.warning("Alerts are still being sent; what is left is sent by the next scan or `send_alerts`.")

    def wake(self) -> None:
        """Something was committed; returns at once."""
        self._woken.set()

    def _run(self) -> None:
        ended = False
        while not ended:
            self._woken.wait()
            ended = self._ended.is_set()
            self._woken.clear()
            try:
                send_waiting(
                    self._engine, self._settings, self._alerts, self._connections, stopped=self._given_up.is_set
                )
            except (AnyAnomalyError, SQLAlchemyError, OSError) as error:  # the database, above all
                log.warning("Alerts could not be sent, and wait: %s", error)
