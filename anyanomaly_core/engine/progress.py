"""How far a long step is: a bar in a terminal, now and then a line in a task's log."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

LINE_EVERY_S = 15.0
Progress = Callable[[int, int], None]  # (done, total) of whatever is counted


def silent(_done: int, _total: int) -> None:
    """No progress is told."""


class LoggedProgress:
    """Writes a line with rate and time left, at most every ``LINE_EVERY_S`` seconds, and one at the end.

    Call it with (done, total); what an earlier try had done does not count into the rate.
    """

    def __init__(self, name: str, unit: str = "segments") -> None:
        self._name, self._unit = name, unit
        self._start = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Note progress."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
            log.info("%s: %d of %d %s to do", self._name, total - done, total, self._unit)
            return
        if now - self._last < LINE_EVERY_S and done < total:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._start, 1e-9)
        left = (total - done) / rate if rate > 0 else float("inf")
        log.info("%s: %d of %d %s, %.1f/s, %.0f s left", self._name, done, total, self._unit, rate, left)
