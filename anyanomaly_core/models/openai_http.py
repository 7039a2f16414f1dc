"""Requests to an OpenAI-compatible server: bounded in time, size and tries, and silent about the key."""

import logging
import re
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter
from tenacity.stop import stop_base

from anyanomaly_core.display import display_text
from anyanomaly_core.errors import ConfigurationError, ModelServerError, ModelServerSetupError
from anyanomaly_core.models.openai_replies import RequestFailedError, StatusKind, error_in, json_object, status_kind

log = logging.getLogger(__name__)

_LARGEST_REPLY = 4 * 1024 * 1024  # bytes; a real answer has a few kilobytes
_QUOTED = 300  # characters of a server's own words in our messages
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_OUR_NAME = re.compile(r"anyanomaly-[0-9a-f]{32}")  # of a request; servers such as vLLM say it again in the answer
_LONGEST_WAIT_FOR_AWAY_S = 5.0  # between two looks whether a server is back
_BETWEEN_WARNINGS_S = 30.0
_NO_SUCH_PATH = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait for a server that is away, does not answer, or says that it cannot answer now."""

    tries: int = 6  # of a request that fails in a way that may pass
    first_wait_s: float = 0.5  # doubles with every try, with a random part so that workers do not return all at once
    longest_wait_s: float = 30.0
    connect_s: float = 10.0
    reply_s: float = 300.0
    outage_s: float = 0.0  # a server that is away is waited for so long, and asked ``tries`` times at least


class NoSuchPathError(ModelServerSetupError):
    """The server knows no such path."""


class _TransientError(Exception):
    """A try failed in a way that may pass; ``wait_s`` is what the server asks to wait."""

    def __init__(self, problem: str, wait_s: float = 0.0) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


class _UnreachableError(_TransientError):
    """Nobody is there, or only somebody who says so."""


class ServerConnection:
    """One server. Safe to use from several threads at once."""

    def __init__(self, base_url: str, key: SecretStr | None, *, connections: int, policy: RetryPolicy) -> None:
        self.shown_url = strip_credentials(base_url)  # for messages
        self._policy, self._key = policy, key
        self._warned_at = -_BETWEEN_WARNINGS_S
        if key and not (key.get_secret_value().isascii() and key.get_secret_value().isprintable()):
            raise ConfigurationError("ANYANOMALY_LVLM_API_KEY holds a line break or another character no key has.")
        if urlsplit(base_url).username or urlsplit(base_url).password:
            raise ConfigurationError("The model server's address holds a password. Use ANYANOMALY_LVLM_API_KEY.")
        if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
            raise ConfigurationError(
                f"The model server's address {self.shown_url!r} is not an http:// or https:// URL."
            )
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write a line per request
        # following a redirect would carry the key to a host nobody has configured, so none is followed
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(policy.reply_s, connect=policy.connect_s),
            # A connection for each request: on one that is used again, what a confused server or proxy sent too much
            # would be read as the answer to the next question.
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=0),
            trust_env=urlsplit(base_url).hostname not in _LOOPBACK,  # no proxy on the way to this machine
        )

    def __repr__(self) -> str:
        return f"ServerConnection({self.shown_url!r})"

    def get(self, path: str) -> dict[str, Any]:
        """GET ``path`` and return the JSON object; see ``post`` for errors."""
        return self._request("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST ``body`` as JSON and return the JSON object of the reply.

        Raises:
            RequestFailedError: the server refuses this request, or keeps failing on it.
            ModelServerError: the server stays away.
            ModelServerSetupError: it refuses everything: key, model or path are wrong.
        """
        return self._request("POST", path, body)

    def quote(self, said: object, longest: int = _QUOTED) -> str:
        """A server's or library's own words, bounded, on one line, without the key (some servers repeat it)."""
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        if self._key:
            text = text.replace(self._key.get_secret_value(), "***")
        return display_text(" ".join(text[: 4 * longest].split())[:longest])[:longest]

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            stop=_Limits(self._policy),
            wait=self._wait_s,
            before_sleep=self._warn,
            reraise=True,
        )
        try:
            return retrying(self._try, method, path, body)
        except _UnreachableError as error:
            if method == "POST" and self._answers():  # so it is this request that it cannot bear
                raise RequestFailedError(f"the model server answers others, but this request with {error}") from None
            raise ModelServerError(
                f"The model server {self.shown_url} cannot be reached after "
                f"{retrying.statistics['attempt_number']} tries in "
                f"{retrying.statistics['delay_since_first_attempt']:.0f} s: {error}. Start it, or correct "
                "ANYANOMALY_LVLM_BASE_URL; ANYANOMALY_LVLM_PATIENCE_S says how long to wait for it."
            ) from None
        except _TransientError as error:
            raise RequestFailedError(
                f"the model server still failed after {self._policy.tries} tries: {error}"
            ) from None

    def _answers(self) -> bool:
        """Whether the server is there at all."""
        try:
            self._try("GET", "models", None)
        except _TransientError:
            return False
        except (RequestFailedError, ModelServerError):
            return True
        return True

    def _try(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One try. Raises _TransientError, _UnreachableError, and what ``post`` raises."""
        name = f"anyanomaly-{uuid.uuid4().hex}"
        try:
            status, headers, content = self._exchange(method, path, body, name)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _UnreachableError(f"{type(error).__name__} ({self.quote(error)})") from None
        except httpx.RequestError as error:
            raise _TransientError(f"{type(error).__name__} ({self.quote(error)})") from None
        reply = json_object(content)
        stated = None if reply is None else error_in(reply)
        words = content if stated is None else stated.words
        if status_kind(status) is not StatusKind.ACCEPTED:
            self._refuse(path, status, f"HTTP {status}: {self.quote(words)}", headers)
        if reply is None:
            raise _TransientError(f"a reply that is no JSON object: {self.quote(content)}")
        if _names_another(name, headers, reply):
            raise _TransientError("the answer to another request")
        if stated is not None:
            said = f"HTTP {status} and an error in it: {self.quote(words)}"
            self._refuse(path, stated.status or HTTPStatus.BAD_REQUEST, said, headers)
        return reply

    def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None, name: str
    ) -> tuple[int, httpx.Headers, bytes]:
        began = time.monotonic()
        with self._client.stream(method, path, json=body, headers={"X-Request-Id": name}) as reply:
            content = b""
            for piece in reply.iter_bytes():
                content += piece
                if len(content) > _LARGEST_REPLY:
                    raise RequestFailedError(f"the model server's reply has more than {_LARGEST_REPLY} bytes")
                if time.monotonic() - began > self._policy.reply_s:  # httpx bounds the wait for each piece only
                    raise httpx.ReadTimeout(f"the reply was not complete after {self._policy.reply_s:.0f} s")
            return reply.status_code, reply.headers, content

    def _refuse(self, path: str, status: int, said: str, headers: httpx.Headers) -> NoReturn:
        """Raise what a status that is no success means."""
        kind = status_kind(status)
        if kind is StatusKind.AWAY:
            raise _UnreachableError(said, _retry_after(headers))
        if kind is StatusKind.PASSING:
            raise _TransientError(said, _retry_after(headers))
        if kind is StatusKind.WRONG_SETUP:
            error = NoSuchPathError if status in _NO_SUCH_PATH else ModelServerSetupError
            raise error(
                f"The model server {self.shown_url} refuses {path} with {said}. Check ANYANOMALY_LVLM_BASE_URL "
                "(it ends in /v1), ANYANOMALY_LVLM_API_KEY and the profile's model."
            )
        raise RequestFailedError(f"the model server refused the request with {said}")

    def _wait_s(self, state: RetryCallState) -> float:
        """Longer with every try; at least as long as the server asks for, up to ``longest_wait_s``."""
        policy, error = self._policy, _error_of(state)
        longest = _LONGEST_WAIT_FOR_AWAY_S if isinstance(error, _UnreachableError) else policy.longest_wait_s
        growing = wait_exponential_jitter(
            multiplier=policy.first_wait_s, jitter=policy.first_wait_s, max=min(longest, policy.longest_wait_s)
        )
        return max(growing(state), min(error.wait_s, policy.longest_wait_s))

    def _warn(self, state: RetryCallState) -> None:
        """Say that the server is away, for all threads together, now and then."""
        now, is_waiting = (
            time.monotonic(),
            self._policy.outage_s > 0 and isinstance(_error_of(state), _UnreachableError),
        )
        if not is_waiting or now - self._warned_at < _BETWEEN_WARNINGS_S:
            return
        self._warned_at = now
        log.warning(
            "The model server %s is away (%s); asking again for up to %.0f s.",
            self.shown_url,
            _error_of(state),
            self._policy.outage_s,
        )


class _Limits(stop_base):
    """When one request is given up: after ``tries`` failures, or when the server has been away for ``outage_s``."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = self._looks = 0
        self._away_since = 0.0

    def __call__(self, state: RetryCallState) -> bool:
        """Count a failed try; whether it was the last."""
        policy, now = self._policy, time.monotonic()
        if not isinstance(_error_of(state), _UnreachableError):
            self._failures, self._looks = self._failures + 1, 0
            return self._failures >= policy.tries
        self._away_since = now if self._looks == 0 else self._away_since
        self._looks += 1
        return self._looks >= policy.tries and now - self._away_since >= policy.outage_s


def _error_of(state: RetryCallState) -> _TransientError:
    """Why the last try failed; tenacity asks about nothing else here."""
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, _TransientError) else _TransientError("")


def strip_credentials(url: str) -> str:
    """``url`` without user and password, fit for messages and logs."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _names_another(name: str, headers: httpx.Headers, answer: dict[str, Any]) -> bool:
    """Whether an answer says that it belongs to another request of ours; many servers say nothing about it."""
    said = f"{headers.get('x-request-id', '')} {answer.get('id', '')}"
    return any(found != name for found in _OUR_NAME.findall(said))


def _retry_after(headers: httpx.Headers) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0  # a date; our own waiting time will do
