"""How far a command is: bars in a terminal; without one, a line now and then, so that a log never stands still."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from anyanomaly_core.cli.output import note
from anyanomaly_core.engine.progress import LoggedProgress, Progress, Stages, terminal_stages


@contextmanager
def progress_stages() -> Iterator[Stages]:
    """Tells the stages of a command on stderr, each from its begin to the begin of the next."""
    if sys.stderr.isatty():
        with terminal_stages() as stages:
            yield stages
        return
    with ExitStack() as stages_so_far:

        def begin(name: str, unit: str) -> Progress:
            stages_so_far.close()  # the stage before
            return stages_so_far.enter_context(LoggedProgress(name, unit, note))

        yield begin
