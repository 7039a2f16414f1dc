"""How far a long step is: a bar in a terminal, now and then a line in a task's log."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self, TypeVar

from anyanomaly_core import watchdog

log = logging.getLogger(__name__)

LINE_EVERY_S = 15.0  # while steps are finished
SIGN_OF_LIFE_S = 30.0  # while none is
_HOUR_S, _MINUTE_S = 3600, 60

Item = TypeVar("Item")
Progress = Callable[[int, int], None]  # (done, total) of whatever is counted
Stages = Callable[[str, str], Progress]  # (name, what is counted): a long step begins


def no_progress(_done: int, _total: int) -> None:
    """No progress is told."""


@contextmanager
def terminal_stages() -> Iterator[Stages]:
    """A bar on the terminal for each stage, from its begin; silent where nobody looks at one."""
    if not sys.stderr.isatty():
        yield lambda _name, _unit: no_progress
        return
    from rich import progress as rich  # noqa: PLC0415  (only where somebody looks)
    from rich.console import Console  # noqa: PLC0415

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[unit]}", markup=False),
        rich.TimeRemainingColumn(elapsed_when_finished=True),
    )
    with rich.Progress(*columns, console=Console(stderr=True)) as bars:

        def begin(name: str, unit: str) -> Progress:
            bar = bars.add_task(name, total=None, unit=unit)
            return lambda done, total: bars.update(bar, completed=done, total=total)

        yield begin


def iterate(items: Sequence[Item], name: str, unit: str) -> Iterator[Item]:
    """The items one after the other, with a bar on the terminal."""
    with terminal_stages() as stages:
        progress = stages(name, unit)
        for done, item in enumerate(items):
            progress(done, len(items))
            yield item
        progress(len(items), len(items))


class LoggedProgress:
    """Writes a line with percent, rate and time left, at most every ``LINE_EVERY_S`` seconds, and one at the end.

    Call it with (done, total); what an earlier try had done does not count into the rate. As a context manager it also
    writes while no step is finished, so that a log never stands still.
    """

    def __init__(self, name: str, unit: str = "segments", write: Callable[[str], None] | None = None) -> None:
        """``write`` takes each line; none: the log of this module."""
        self._name, self._unit = name, unit
        self._write = write or (lambda line: log.info("%s", line))
        self._start = self._last = time.monotonic()
        self._first: int | None = None
        self._state = "loading models"
        self._stop = threading.Event()

    def __call__(self, done: int, total: int) -> None:
        """Note progress."""
        watchdog.feed()
        now = time.monotonic()
        if self._first is None:
            self._first, self._start = done, now
            self._state = f"{total - done} of {total} {self._unit} to do"
            self._say(self._state, now)
            return
        self._state = _state(done, total, done - self._first, now - self._start, self._unit)
        if now - self._last >= LINE_EVERY_S or done >= total:
            self._say(self._state, now)

    def __enter__(self) -> Self:
        threading.Thread(target=self._keep_telling, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _keep_telling(self) -> None:
        while not self._stop.wait(SIGN_OF_LIFE_S / 10):
            now = time.monotonic()
            if now - self._last >= 0.9 * SIGN_OF_LIFE_S:
                self._say(f"{self._state}; at it for {duration(now - self._start)}", now)

    def _say(self, state: str, now: float) -> None:
        self._last = now
        self._write(f"{self._name}: {state}")


class PartsProgress:
    """Several parts of known sizes, one after the other, told as one whole."""

    def __init__(self, total: int, whole: Progress) -> None:
        """``total`` is the sum of the sizes to come; ``whole`` is called with (done, total) of it."""
        self._total, self._whole, self._before = total, whole, 0

    def next_part(self, size: int) -> Progress:
        """The progress of the next part; the one before counts as done, whatever became of it."""
        before = self._before
        self._before += size
        self._whole(before, self._total)

        def advance(done: int, total: int) -> None:
            self._whole(before + (round(size * done / total) if total else size), self._total)

        return advance


def duration(seconds: float) -> str:
    """A duration as a person says it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds >= _HOUR_S:
        return f"{seconds / _HOUR_S:.1f} h"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds >= 2 * _MINUTE_S else f"{seconds:.0f} s"


def _state(done: int, total: int, steps: int, seconds: float, unit: str) -> str:
    percent = f"{100 * done / total:.0f} %" if total else "100 %"
    text = f"{done} of {total} {unit} ({percent})"
    if steps <= 0 or seconds <= 0:
        return text
    rate = steps / seconds
    speed = f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.2g}/min"
    if done >= total:
        return f"{text} in {duration(seconds)}, {speed}"
    return f"{text}, {speed}, {duration((total - done) / rate)} left"
