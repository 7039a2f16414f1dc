"""``anyanomaly report``: the morning report of a night, as a page and as CSV."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from anyanomaly_core.cli.site import note, site
from anyanomaly_core.errors import ConfigurationError


def report(
    night: Annotated[
        str, typer.Option("--night", help="Day on which the night ends, yyyy-mm-dd; default: the newest night.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to; none: the installation's reports.")
    ] = None,
    stack: Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")] = "",
) -> None:
    """Write what a night brought: hits, gaps, failures, cost, and what to look at first."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.review.report.files import write_report
    from anyanomaly_core.review.report.night import newest_night

    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            written = write_report(engine, settings, _day(night) or newest_night(engine, settings), out=out)
        finally:
            engine.dispose()
    note(written.headline)
    print(written.page)  # noqa: T201  (a command's own words)
    print(written.csv)  # noqa: T201


def _day(night: str) -> date | None:
    try:
        return date.fromisoformat(night) if night else None
    except ValueError:
        raise ConfigurationError(f"{night!r} is not a day; write yyyy-mm-dd.") from None
