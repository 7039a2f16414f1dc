"""Alerts over HTTP: signed webhooks as standardwebhooks.com describes them, and Slack's incoming webhooks."""

import base64
import binascii
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from anyanomaly_core.alerts.connections import Connection
from anyanomaly_core.alerts.message import AlertMessage
from anyanomaly_core.display import display_text
from anyanomaly_core.errors import AlertError, AlertRefusedError, ConfigurationError

_TRIES = 3
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_QUOTED = 200  # bytes of an answer
_PREFIX = "whsec_"
# These say that the alert is no good. Others, such as 401 and 404, pass when somebody has corrected the connection.
_REFUSED = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
_WORTH_A_TRY_NOW = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}


class _TransientError(Exception):
    """Worth another try within seconds."""


def send_webhook(message: AlertMessage, connection: Connection) -> None:
    """POST the alert as JSON, signed with the connection's password.

    The headers ``webhook-id`` (the same in every try), ``webhook-timestamp`` and ``webhook-signature`` are those of
    standardwebhooks.com, so that its libraries verify them; ``Idempotency-Key`` says the id once more.

    Raises:
        AlertError: it could not be delivered; AlertRefusedError: the target will not take it.
        ConfigurationError: the connection has no address or no usable secret.
    """
    body = message.document()
    key = _signing_key(connection)
    more = connection.extra.get("headers") or {}

    def headers() -> dict[str, str]:
        moment = str(int(time.time()))
        signed = b".".join([str(message.key).encode(), moment.encode(), body])
        signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return {
            **{str(name): str(value) for name, value in dict(more).items()},
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.key),
            "webhook-id": str(message.key),
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{signature}",
        }

    _post(_address(connection), body, headers, connection)


def send_slack(message: AlertMessage, connection: Connection) -> None:
    """POST the alert to an incoming webhook; the connection is the one that Airflow's Slack provider uses.

    Raises as :func:`send_webhook`.
    """
    token = connection.secret("the part of the webhook's address after /services/")
    lines = [_slack_text(line) for line in message.lines if line != message.link]
    link = f"\n<{message.link}|Look at it>" if message.link else ""
    body = json.dumps({"text": f"*{_slack_text(message.headline)}*\n" + "\n".join(lines) + link}).encode()
    host = connection.host or "https://hooks.slack.com/services"
    url = _address(Connection(connection.name, host, connection.port)).rstrip("/") + "/" + token.lstrip("/")
    _post(url, body, lambda: {"Content-Type": "application/json"}, connection)


def _slack_text(text: str) -> str:
    """Slack's three signs; without them nothing in it mentions anybody or becomes a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _signing_key(connection: Connection) -> bytes:
    secret = connection.secret("the secret that signs what is sent")
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ConfigurationError(
            f"The password of the connection {connection.name} is not base64 after whsec_."
        ) from None


def _address(connection: Connection) -> str:
    url = connection.host if "://" in connection.host else f"https://{connection.host}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ConfigurationError(
            f"The host of the connection {connection.name} must be an http:// or https:// address without a password."
        )
    if connection.port is None or parts.port is not None:
        return url
    return parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl()


def _post(url: str, body: bytes, headers: Callable[[], dict[str, str]], connection: Connection) -> None:
    host = urlsplit(url).hostname  # the rest of an address may be a secret
    trying = Retrying(
        retry=retry_if_exception_type(_TransientError),
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(multiplier=0.5, max=4),
        reraise=True,
    )
    authorities = connection.extra.get("ca_file")
    verify = ssl.create_default_context(cafile=str(authorities)) if authorities else True
    loopback = host in {"localhost", "127.0.0.1", "::1"}  # no proxy on the way to this machine
    try:
        # A redirect would carry the alert to a host that nobody has configured.
        with httpx.Client(timeout=_TIMEOUT, verify=verify, follow_redirects=False, trust_env=not loopback) as client:
            status, said = trying(_try, client, url, body, headers)
    except _TransientError as error:
        raise AlertError(f"{host} did not take it in {_TRIES} tries: {error}") from None
    except httpx.InvalidURL:
        raise ConfigurationError(f"The host of the connection {connection.name} is not an address.") from None
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        kind = AlertRefusedError if status in _REFUSED else AlertError
        raise kind(f"{host} answered {status}: {said}")


def _try(client: httpx.Client, url: str, body: bytes, headers: Callable[[], dict[str, str]]) -> tuple[int, str]:
    """Status and the first words of an answer."""
    try:
        with client.stream("POST", url, content=body, headers=headers()) as answer:
            first = next(answer.iter_bytes(_QUOTED), b"")
    except httpx.TransportError as error:
        raise _TransientError(str(error) or type(error).__name__) from None
    said = display_text(first.decode(errors="replace"), _QUOTED)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code in _WORTH_A_TRY_NOW:
        raise _TransientError(f"it answered {answer.status_code}: {said}")
    return answer.status_code, said
