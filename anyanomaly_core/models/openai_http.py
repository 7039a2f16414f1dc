"""Requests to an OpenAI-compatible server: bounded in time, size and tries, and silent about the key."""

import json
import logging
import random
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import SecretStr

from anyanomaly_core.errors import ConfigurationError, ModelServerError

_LARGEST_REPLY = 4 * 1024 * 1024  # bytes; a real answer has a few kilobytes
_QUOTED = 300  # characters of a server's own words in our messages
_TRY_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_SETUP_IS_WRONG = {401, 403, 404, 405}
_NOTHING_THERE = {404, 405}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_OUR_NAME = re.compile(r"anyanomaly-[0-9a-f]{32}")  # of a request; servers such as vLLM say it again in the answer


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server that does not answer, or says it cannot now."""

    tries: int = 6
    first_wait_s: float = 0.5  # doubles with every try, with a random part so that workers do not return all at once
    longest_wait_s: float = 30.0
    connect_s: float = 10.0
    reply_s: float = 300.0


class RequestFailedError(Exception):
    """This one request was refused, or kept failing; others may do well. ``str(error)`` says why."""


class NothingThereError(ModelServerError):
    """The server knows no such path."""


class ServerConnection:
    """One server. Safe to use from several threads at once."""

    def __init__(self, base_url: str, key: SecretStr | None, *, connections: int, patience: Patience) -> None:
        self.shown_url = without_credentials(base_url)  # for messages
        self._patience, self._key = patience, key
        if key and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ConfigurationError("ANYANOMALY_LVLM_API_KEY holds a line break or another character no key has.")
        if urlsplit(base_url).username or urlsplit(base_url).password:
            raise ConfigurationError("The model server's address holds a password. Use ANYANOMALY_LVLM_API_KEY.")
        if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
            raise ConfigurationError(f"The model server's address {self.shown_url!r} is no http:// or https:// URL.")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write a line per request
        # following a redirect would carry the key to a host nobody has configured, so none is followed
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(patience.reply_s, connect=patience.connect_s),
            # A connection for each request: on one that is used again, what a confused server or proxy sent too much
            # would be read as the answer to the next question.
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=0),
            trust_env=urlsplit(base_url).hostname not in _LOOPBACK,  # no proxy on the way to this machine
        )

    def __repr__(self) -> str:
        return f"ServerConnection({self.shown_url!r})"

    def get(self, path: str) -> dict[str, Any]:
        """GET ``path`` and return the JSON object; see ``post`` for errors."""
        return self._repeatedly("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST ``body`` as JSON and return the JSON object of the reply.

        Raises:
            RequestFailedError: the server refuses this request, or keeps failing on it.
            ModelServerError: the server cannot be reached, or refuses everything (key, model or path are wrong).
        """
        return self._repeatedly("POST", path, body)

    def _repeatedly(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        problem, unreachable = "", False
        for turn in range(self._patience.tries):
            wait = min(self._patience.longest_wait_s, self._patience.first_wait_s * 2**turn)
            name = f"anyanomaly-{uuid.uuid4().hex}"
            try:
                status, headers, content = self._once(method, path, body, name)
            except httpx.RequestError as error:
                unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                problem = f"{type(error).__name__} ({self._quoted(str(error))})"
            else:
                problem, unreachable = self._problem(status, content, path), False
                if not problem:
                    parsed = _json_object(content)
                    if parsed is not None and not _names_another(name, headers, parsed):
                        return parsed
                    problem = (
                        f"a reply that is no JSON object: {self._quoted(content)}"
                        if parsed is None
                        else "the answer to another request"
                    )
                wait = max(wait, min(_retry_after(headers), self._patience.longest_wait_s))
            if turn + 1 < self._patience.tries:
                time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # spreads load, protects nothing
        if unreachable:
            raise ModelServerError(
                f"The model server {self.shown_url} cannot be reached after {self._patience.tries} tries: {problem}. "
                "Start it, or correct ANYANOMALY_LVLM_BASE_URL."
            )
        raise RequestFailedError(f"the model server still failed after {self._patience.tries} tries: {problem}")

    def _once(self, method: str, path: str, body: dict[str, Any] | None, name: str) -> tuple[int, httpx.Headers, bytes]:
        began = time.monotonic()
        with self._client.stream(method, path, json=body, headers={"X-Request-Id": name}) as reply:
            content = b""
            for piece in reply.iter_bytes():
                content += piece
                if len(content) > _LARGEST_REPLY:
                    raise RequestFailedError(f"the model server's reply has more than {_LARGEST_REPLY} bytes")
                if time.monotonic() - began > self._patience.reply_s:  # httpx bounds the wait for each piece only
                    raise httpx.ReadTimeout(f"the reply was not complete after {self._patience.reply_s:.0f} s")
            return reply.status_code, reply.headers, content

    def _problem(self, status: int, content: bytes, path: str) -> str:
        """What is wrong with a reply; "" when it was accepted, text when it is worth another try. Raises otherwise."""
        if httpx.codes.is_success(status):
            return ""
        said = f"HTTP {status}: {self._quoted(content)}"
        if status in _SETUP_IS_WRONG:
            kind = NothingThereError if status in _NOTHING_THERE else ModelServerError
            raise kind(
                f"The model server {self.shown_url} refuses {path} with {said}. Check ANYANOMALY_LVLM_BASE_URL "
                "(it ends in /v1), ANYANOMALY_LVLM_API_KEY and the profile's model."
            )
        if status not in _TRY_AGAIN:
            raise RequestFailedError(f"the model server refused the request with {said}")
        return said

    def _quoted(self, said: str | bytes) -> str:
        """A server's or library's own words, bounded, without the key (some servers repeat it)."""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        if self._key:
            text = text.replace(self._key.get_secret_value(), "***")
        readable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _QUOTED])
        return " ".join(readable.split())[:_QUOTED]


def without_credentials(url: str) -> str:
    """``url`` without user and password, fit for messages and logs."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _names_another(name: str, headers: httpx.Headers, answer: dict[str, Any]) -> bool:
    """Whether an answer says that it belongs to another request of ours; many servers say nothing about it."""
    said = f"{headers.get('x-request-id', '')} {answer.get('id', '')}"
    return any(found != name for found in _OUR_NAME.findall(said))


def _retry_after(headers: httpx.Headers) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0  # a date; our own waiting time will do
