"""Waiting for a database that is away: restarted, updated, or out of reach for a moment.

A unit of work may hold hours of finished model time when PostgreSQL goes away for a minute. What it does to the
database can be done again from the start at any time, so it waits and does that.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg2
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_exponential

from anyanomaly_core.errors import StorageError

log = logging.getLogger(__name__)
Result = TypeVar("Result")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0
_CONNECTION_CLASS = "08"  # SQLSTATE classes and codes: PostgreSQL documentation, appendix A
_GOING_OR_COMING = {"57P01", "57P02", "57P03"}  # shut down, crashed, starting up


def is_unreachable(error: BaseException) -> bool:
    """Whether an error says that the database cannot be reached, rather than that it refuses something."""
    cause: BaseException | None = error
    while isinstance(cause, StorageError):
        cause = cause.__cause__
    if isinstance(cause, DBAPIError):
        if cause.connection_invalidated:
            return True
        cause = cause.orig
    if not isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError):
        return False
    code = cause.pgcode
    if code is None:  # nobody there to give one; a wrong password has none either, and no time mends it
        return "authentication failed" not in str(cause)
    return code in _GOING_OR_COMING or code.startswith(_CONNECTION_CLASS)


def wait_for_database(engine: Engine, longest_s: float) -> None:
    """Return as soon as the database answers.

    Raises:
        StorageError: when it has not answered for ``longest_s``, or refuses the connection for good.
    """
    began = time.monotonic()
    attempts = Retrying(
        retry=retry_if_exception(is_unreachable),
        wait=wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        stop=stop_before_delay(longest_s),
        before_sleep=lambda state: log.warning("The results database is away (%s); asking again.", _words(state)),
        reraise=True,
    )
    try:
        attempts(_ping, engine)
    except DBAPIError as error:
        raise StorageError(
            f"The results database has not answered for {time.monotonic() - began:.0f} s: {str(error.orig).strip()}. "
            "Is PostgreSQL running, and is ANYANOMALY_DATABASE_URL right?"
        ) from error


def with_database_retry(engine: Engine, longest_s: float, do: Callable[[], Result]) -> Result:
    """``do()``; when the database goes away meanwhile, wait until it is back and do it again from its beginning.

    Raises:
        StorageError: when the database has not answered for ``longest_s``.
    """
    attempts = Retrying(
        retry=retry_if_exception(is_unreachable),
        before_sleep=lambda _: log.warning("The results database went away; its work is done again when it is back."),
        sleep=lambda _: wait_for_database(engine, longest_s),
        reraise=True,
    )
    return attempts(do)


def _ping(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _words(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return str(getattr(error, "orig", error)).strip().partition("\n")[0]
