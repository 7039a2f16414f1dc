"""Alerts to an MQTT broker."""

import ssl
import threading

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anyanomaly_core.alerts.connections import Connection
from anyanomaly_core.alerts.message import AlertMessage
from anyanomaly_core.errors import AlertError, AlertRefusedError, ConfigurationError
from anyanomaly_core.rules.alerts import MqttTarget

_TIMEOUT_S = 10.0
_PORT, _TLS_PORT = 1883, 8883
_NOT_AUTHORIZED = "Not authorized"
_NO_TOPIC_SIGNS = str.maketrans({"+": "_", "#": "_", "/": "_", "\0": "_"})


def send_mqtt(message: AlertMessage, target: MqttTarget, connection: Connection) -> None:
    """Publish the alert as JSON and wait until the broker has confirmed it.

    MQTT 5, because a broker of 3.1.1 confirms what it throws away for want of rights. The extra ``tls`` encrypts;
    ``ca_file`` names the authority.

    Raises:
        AlertError: the broker is away, refuses the login, or did not confirm.
        AlertRefusedError: it says that it will not take it.
        ConfigurationError: the connection has no host.
    """
    if not connection.host:
        raise ConfigurationError(f"The connection {connection.name} has no host; see docs/alerts.md.")
    publishing = _Publishing(connection)
    try:
        publishing.publish(_topic(target, message), message.document(), target.qos)
    finally:
        publishing.close()


def _topic(target: MqttTarget, message: AlertMessage) -> str:
    names = {name: str(message.facts[name]).translate(_NO_TOPIC_SIGNS) for name in ("camera", "rule")}
    return target.topic.format(**names)


class _Publishing:
    """A connection to the broker for one message. Its network thread reports through events."""

    def __init__(self, connection: Connection) -> None:
        self._host = connection.host
        self._answered, self._confirmed = threading.Event(), threading.Event()
        self._login: ReasonCode | None = None
        self._outcome: ReasonCode | None = None
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect, self._client.on_publish = self._connected, self._published
        if connection.login:
            self._client.username_pw_set(connection.login, connection.secret("needed to log in"))
        if connection.extra.get("tls", False):
            self._client.tls_set_context(ssl.create_default_context(cafile=connection.extra.get("ca_file")))
        port = connection.port or (_TLS_PORT if connection.extra.get("tls", False) else _PORT)
        self._client.connect_timeout = _TIMEOUT_S
        try:
            self._client.connect(self._host, port)
        except (OSError, ValueError) as error:
            raise AlertError(f"The broker {self._host} cannot be reached: {error}") from None
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        if not self._answered.wait(_TIMEOUT_S):
            raise AlertError(f"The broker {self._host} does not answer.")
        if self._login is not None and self._login.is_failure:
            raise AlertError(f"The broker {self._host} refuses the login: {self._login}.")
        self._client.publish(topic, payload, qos)
        if not self._confirmed.wait(_TIMEOUT_S):
            raise AlertError(f"The broker {self._host} did not confirm within {_TIMEOUT_S:.0f} s.")
        if self._outcome is not None and self._outcome.is_failure:
            kind = AlertError if self._outcome == _NOT_AUTHORIZED else AlertRefusedError  # rights can be given
            raise kind(f"The broker {self._host} does not take {topic}: {self._outcome}.")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _: Properties | None
    ) -> None:
        self._login = code
        self._answered.set()

    def _published(
        self, _client: paho.Client, _data: object, _number: int, code: ReasonCode, _: Properties | None
    ) -> None:
        self._outcome = code
        self._confirmed.set()
