"""``anyanomaly retention``, ``hold``, ``release``, ``holds`` and ``maintain``: what is kept, and what goes."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note, site
from anyanomaly_core.config import Settings

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Person = Annotated[str, typer.Option("--person", help="Who decides it, kept on record; the user's name if not given.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, kept on record: a case number, a request.")]
EventId = Annotated[UUID, typer.Argument(help="Id of the event, as in event_list.")]

retention_app = typer.Typer(no_args_is_help=True, help="How long the results of each camera are kept.")


@retention_app.command("set")
def set_days(
    camera: Annotated[str, typer.Argument(help="Id of the camera.")],
    days: Annotated[str, typer.Argument(help="Days, or `forever`.")],
    person: Person = "",
    stack: Stack = "",
) -> None:
    """Keep the results of a camera for so many days; what is past them goes with the next maintenance."""
    from anyanomaly_core.results.retention import set_retention

    if days != "forever" and not days.isdecimal():
        raise typer.BadParameter(f"{days!r} is neither a number of days nor `forever`")
    with _database(stack, "anyanomaly") as (engine, _):
        kept = None if days == "forever" else int(days)
        again = set_retention(engine, camera, kept, person=person or getpass.getuser())
    note(f"Results of {camera} are kept {'for ever' if kept is None else f'for {kept} days'}.")
    if again:
        note(f"{again} videos that had expired are wanted again: run ingest_archive with `Look again at known files`.")


@retention_app.command("list")
def list_days(stack: Stack = "", as_json: AsJson = False) -> None:
    """Every camera, how long its results are kept, and who said so when."""
    from anyanomaly_core.results.retention import list_retention

    with _database(stack, "reader") as (engine, _), engine.connect() as connection:
        rows = [tuple(row.values()) for row in list_retention(connection)]
    print_rows(["camera", "name", "days", "set_by", "set_at"], rows, as_json=as_json)


def hold(event: EventId, reason: Reason, person: Person = "", stack: Stack = "") -> None:
    """Put an event under legal hold: it, its scores and everything of its video stay, whatever their age."""
    from anyanomaly_core.results.holds import hold_event

    with _database(stack, "reviewer") as (engine, _):
        hold_event(engine, event, reason=reason, person=person or getpass.getuser())
    note(f"Event {event} is under legal hold.")


def release(event: EventId, reason: Reason, person: Person = "", stack: Stack = "") -> None:
    """Lift the legal hold of an event; who did it, when and why stays on record."""
    from anyanomaly_core.results.holds import release_event

    with _database(stack, "anyanomaly") as (engine, _):
        release_event(engine, event, reason=reason, person=person or getpass.getuser())
    note(f"Event {event} is not under legal hold any more.")


def holds(
    history: Annotated[bool, typer.Option("--history", help="Released ones too.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Events under legal hold."""
    from anyanomaly_core.results.holds import list_holds

    columns = ["event_id", "reason", "held_by", "held_at", "released_at", "released_by", "release_reason"]
    with _database(stack, "reader") as (engine, _), engine.connect() as connection:
        rows = [tuple(row[name] for name in columns) for row in list_holds(connection, history=history)]
    print_rows(columns, rows, as_json=as_json)


def maintain(
    apply: Annotated[bool, typer.Option("--apply", help="Remove it; without this it is only listed.")] = False,
    min_age_hours: Annotated[
        float, typer.Option(help="Leave alone unfinished files younger than this; 0 only when nothing else runs.")
    ] = 24.0,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Remove results past their retention and files that nothing needs; lists them unless --apply is given."""
    from anyanomaly_core.archive.maintenance import maintain as run

    with _database(stack, "scanner") as (engine, settings):
        report = run(engine, settings, apply=apply, min_age_s=min_age_hours * 3600)
    print_rows(["kind", "what", "bytes", "why"], report.rows(), as_json=as_json)
    note("Removed." if apply else "Nothing was removed; --apply does.")


@contextmanager
def _database(stack: str, user: str) -> Iterator[tuple["Engine", Settings]]:
    from anyanomaly_core.results.engine import make_engine

    with site(None, stack, user=user) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            yield engine, settings
        finally:
            engine.dispose()
