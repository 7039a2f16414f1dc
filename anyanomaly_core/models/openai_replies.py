"""What a reply of an OpenAI-compatible server says: its status, its errors, the answer in it, or why there is none.

Replies are foreign data: nothing is believed of their form.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

import httpx

_MOST_TOKENS = 2**31


class RequestFailedError(Exception):
    """This one request was refused, or kept failing; others may do well. ``str(error)`` says why."""


class NoAnswerError(RequestFailedError):
    """The server works, but the model gave no answer to this request."""


class StatusKind(Enum):
    """What an HTTP status says about a request."""

    ACCEPTED = "accepted"
    AWAY = "away"  # the server is starting or gone, and a proxy says so
    PASSING = "passing"  # the same request may do well a little later
    REFUSED = "refused"  # this request; others may do well
    WRONG_SETUP = "wrong setup"  # address, key or model: no request will do well


_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_WRONG_SETUP = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    HTTPStatus.GONE,
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
}


def status_kind(status: int) -> StatusKind:
    """What to do about a reply with ``status``; every status has its kind, also one that no standard knows."""
    if httpx.codes.is_success(status):
        return StatusKind.ACCEPTED
    if status in _AWAY:
        return StatusKind.AWAY
    if status in _WRONG_SETUP or httpx.codes.is_redirect(status):
        return StatusKind.WRONG_SETUP
    if status in _PASSING or httpx.codes.is_server_error(status):
        return StatusKind.PASSING
    return StatusKind.REFUSED


def json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in a reply; None when it is none."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


@dataclass(frozen=True, slots=True)
class ServerError:
    """An error that a server states in the body of a reply, whatever the status."""

    words: str
    status: int | None  # as an HTTP status, where the server gives one


def error_in(reply: Mapping[str, Any]) -> ServerError | None:
    """The error in a reply that holds neither choices nor models; None where there is no error."""
    if reply.get("choices") or "data" in reply:
        return None
    error = reply.get("error") or (reply if reply.get("object") == "error" else reply.get("detail"))
    if not error:
        return None
    if not isinstance(error, Mapping):
        return ServerError(_words(error), None)
    stated = next((error[key] for key in ("code", "status") if _is_status(error.get(key))), None)
    words = next((error[key] for key in ("message", "detail", "error") if error.get(key)), error)
    return ServerError(_words(words), stated)


@dataclass(frozen=True, slots=True)
class Choice:
    """The first choice of a chat completion."""

    content: Mapping[str, Any]  # the choice as the server sent it
    prompt_tokens: int  # as the server counts; 0: it does not say
    generated_tokens: int
    is_cut: bool  # ended by its length, not by the model

    @property
    def text(self) -> str:
        """The text of the answer.

        Raises:
            NoAnswerError: with the model's or server's words, when there is none.
        """
        message = self.content.get("message")
        message = message if isinstance(message, Mapping) else {}
        text = _text_of(message.get("content"))
        if text.strip():
            return text
        raise NoAnswerError(f"the model gave no text{self._ending}{self._instead(message)}")

    @property
    def _ending(self) -> str:
        reason = self.content.get("finish_reason")
        advice = "; give it more max_new_tokens" if self.is_cut else ""
        return f" (finish_reason {_words(reason)}{advice})" if reason and reason != "stop" else ""

    def _instead(self, message: Mapping[str, Any]) -> str:
        """What a message without text holds: a refusal, thoughts, a call of a tool, or what no protocol knows yet."""
        refusal = message.get("refusal")
        if refusal:
            return f", it refused: {_words(refusal)}"
        error = self.content.get("error")
        if error:
            return f": {_words(error.get('message') if isinstance(error, Mapping) else error)}"
        rest = {name: value for name, value in message.items() if value and name not in {"role", "content"}}
        rest |= {"content": message["content"]} if message.get("content") else {}
        kinds = "thoughts" if any("reason" in name or "think" in name for name in rest) else ", ".join(rest)
        return f", only {kinds}: {' '.join(map(_words, rest.values()))}" if rest else ""


def first_choice(reply: Mapping[str, Any], max_tokens: int) -> Choice:
    """The first choice of a reply to a request for at most ``max_tokens``.

    Raises:
        RequestFailedError: when there is none, with what the server says instead.
    """
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise RequestFailedError(f"the model server's reply holds no choice but {_words(dict(reply))}")
    usage = reply.get("usage")
    counts = [usage.get(k) if isinstance(usage, Mapping) else 0 for k in ("prompt_tokens", "completion_tokens")]
    read, written = (count if isinstance(count, int) and 0 <= count < _MOST_TOKENS else 0 for count in counts)
    return Choice(choices[0], read, written, _is_cut(choices[0].get("finish_reason"), written, max_tokens))


def _is_cut(reason: object, written: int, max_tokens: int) -> bool:
    """Whether an answer was cut, by what the server says, else by the count of tokens."""
    if reason == "stop":
        return False
    named = isinstance(reason, str) and any(word in reason.lower() for word in ("length", "max", "limit"))
    return named or written >= max_tokens


def _text_of(content: object) -> str:
    """A text, or the text parts of a list."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type", "text") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and HTTPStatus.BAD_REQUEST <= value < 600  # noqa: PLR2004


def _words(said: object) -> str:
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
