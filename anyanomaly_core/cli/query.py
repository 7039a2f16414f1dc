"""``anyanomaly query``: a statement, or a ready query by its name, asked in a way that can change nothing."""

from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database
from anyanomaly_core.errors import ConfigurationError

MOST_ROWS = 10_000


def query(
    statement: Annotated[
        str, typer.Argument(help='SQL, such as "SELECT * FROM event_list", or the name of a ready query; none: which.')
    ] = "",
    parameters: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of a ready query.")
    ] = None,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Ask the results database; nothing can be changed this way. Ready queries have names: docs/sql.md."""
    from anyanomaly_core.results.queries import ready_queries, run_ready, run_sql

    if not statement.strip():
        print_rows(["query", "question"], [(ready.name, ready.question) for ready in ready_queries()], as_json=as_json)
        return
    given = dict(map(_name_and_value, parameters or []))
    with database(stack, user="reader") as (engine, _):
        if statement.strip().isidentifier():
            answer = run_ready(engine, statement.strip(), given)
        elif given:
            raise ConfigurationError("--set gives a parameter to a ready query; write values into a statement itself.")
        else:
            answer = run_sql(engine, statement)
    print_rows(answer.columns, answer.rows, as_json=as_json)


def quarantine(stack: Stack = "", as_json: AsJson = False) -> None:
    """Files that cannot be used and videos that could not be scored, why, and when they are tried again."""
    from anyanomaly_core.results.queries import run_ready

    with database(stack, user="reader") as (engine, _):
        answer = run_ready(engine, "quarantine", limit=MOST_ROWS)
    print_rows(answer.columns, answer.rows, as_json=as_json)
    if len(answer.rows) == MOST_ROWS:
        note(f"Only the first {MOST_ROWS} are shown; `anyanomaly query quarantine` gives all.")


def retry(
    file: Annotated[
        str, typer.Option("--file", help="Only files that match this pattern, such as `gate/2026-03-*`.")
    ] = "*",
    camera: Annotated[
        str, typer.Option("--camera", help="Only cameras that match this pattern, such as `gate-*`.")
    ] = "*",
    rule: Annotated[str, typer.Option("--rule", help="Only what failed for this rule.")] = "",
    stack: Stack = "",
) -> None:
    """Try again what failed, after its cause was mended; the next ingest and scan do it."""
    from anyanomaly_core.results.names import require_cameras, require_rules
    from anyanomaly_core.results.retry import retry_failed

    with database(stack) as (engine, _), engine.begin() as connection:
        require_rules(connection, [rule] if rule else [])
        require_cameras(connection, [] if camera == "*" else [camera])
        again = retry_failed(connection, uri=file, camera=camera, rule=rule or None)
    note(
        f"To be tried again: {again.files} unreadable files with the next ingest, "
        f"{again.videos} videos ({again.units} with their rules) with the next scan."
    )


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text}: write NAME=VALUE.")
    return name.strip(), value
