"""How far a command is: bars in a terminal; without one, a line now and then, so that a log never stands still."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from anyanomaly_core.cli.output import note
from anyanomaly_core.engine.progress import LoggedProgress, Progress, Stages


@contextmanager
def progress_stages() -> Iterator[Stages]:
    """Tells the stages of a command on stderr, each from its begin to the begin of the next."""
    if sys.stderr.isatty():
        with _bars() as stages:
            yield stages
        return
    with ExitStack() as stages_so_far:

        def begin(name: str, unit: str) -> Progress:
            stages_so_far.close()  # the stage before
            return stages_so_far.enter_context(LoggedProgress(name, unit, note))

        yield begin


@contextmanager
def _bars() -> Iterator[Stages]:
    from rich import progress as rich
    from rich.console import Console

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
