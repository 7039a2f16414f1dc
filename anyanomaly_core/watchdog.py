"""A watchdog that ends a process that makes no progress any more, so that the task can be tried again.

No fixed time-out can tell a long video from a hung one. This one begins anew with each sign of progress: segments,
answers of a language model, frames from a decoder. Its timer is that of ``faulthandler``, a thread that needs no
interpreter lock. So it also ends a process that hangs in a driver, and it writes where each thread was.
"""

import faulthandler
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

_STDERR = 2  # the descriptor: what stands in sys.stderr need not be a file
_AT_MOST_EVERY_S = 1.0  # setting the timer anew costs more than looking at a clock

_limit_s: float | None = None  # of this process, as there is one timer
_set_at = 0.0


@contextmanager
def watchdog(limit_s: float) -> Iterator[None]:
    """End this process, with exit status 1, when ``feed`` is not called for ``limit_s`` seconds.

    What waits for something else, such as a database that is away, must end within the limit by itself.
    """
    global _limit_s  # noqa: PLW0603  # the timer is the process's own
    log.info("Without a sign of progress for %.0f s this process ends itself.", limit_s)
    _limit_s = limit_s
    _set_timer(limit_s)
    try:
        yield
    finally:
        _limit_s = None
        faulthandler.cancel_dump_traceback_later()


def feed() -> None:
    """Progress was made; does nothing where no watchdog watches."""
    if _limit_s is not None and time.monotonic() - _set_at > min(_AT_MOST_EVERY_S, _limit_s / 10):
        _set_timer(_limit_s)


def _set_timer(limit_s: float) -> None:
    global _set_at  # noqa: PLW0603  # as above
    _set_at = time.monotonic()
    faulthandler.dump_traceback_later(limit_s, exit=True, file=_STDERR)
