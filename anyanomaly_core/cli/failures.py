"""``anyanomaly quarantine`` and ``retry``: what was set aside, and trying it again."""

from typing import Annotated

import typer

from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note, site

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
MOST_ROWS = 10_000


def quarantine(stack: Stack = "", as_json: AsJson = False) -> None:
    """Files that cannot be used and videos that could not be scored, why, and when they are tried again."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.queries import run_ready

    with site(None, stack, user="reader") as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        found = run_ready(engine, "quarantine", limit=MOST_ROWS)
        engine.dispose()
    print_rows(found.columns, found.rows, as_json=as_json)
    if len(found.rows) == MOST_ROWS:
        note(f"Only the first {MOST_ROWS} are shown; the ready query `quarantine` gives all.")


def retry(
    file: Annotated[str, typer.Option("--file", help="Only files like this, such as `gate/2026-03-*`.")] = "*",
    camera: Annotated[str, typer.Option("--camera", help="Only cameras like this, such as `gate-*`.")] = "*",
    rule: Annotated[str, typer.Option("--rule", help="Only what failed for this rule.")] = "",
    stack: Stack = "",
) -> None:
    """Try again what failed, after its cause was mended; the next ingest and scan do it."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.retry import retry_failed

    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        with engine.begin() as connection:
            again = retry_failed(connection, uri=file, camera=camera, rule=rule or None)
        engine.dispose()
    note(
        f"To be tried again: {again.files} unreadable files with the next ingest, "
        f"{again.videos} videos ({again.units} with their rules) with the next scan."
    )
