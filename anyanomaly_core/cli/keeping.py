"""``anyanomaly retention``, ``hold``, ``release``, ``holds`` and ``maintain``: what is kept, and what goes."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from anyanomaly_core.cli.options import AsJson, EventId, Person, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database, user_name

if TYPE_CHECKING:
    from sqlalchemy import Engine

Reason = Annotated[str, typer.Option("--reason", help="Reason, kept on record: a case number, a request.")]

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
    with database(stack, user="anyanomaly") as (engine, _):
        kept = None if days == "forever" else int(days)
        again = set_retention(engine, camera, kept, person=person or user_name())
    note(f"Results of {camera} are kept {'for ever' if kept is None else f'for {kept} days'}.")
    if again:
        note(f"{again} videos that had expired are wanted again: run ingest_archive with `Look again at known files`.")


@retention_app.command("list")
def list_days(stack: Stack = "", as_json: AsJson = False) -> None:
    """Every camera, how long its results are kept, and who said so when."""
    from anyanomaly_core.results.retention import list_retention

    with database(stack, user="reader") as (engine, _), engine.connect() as connection:
        rows = [tuple(row.values()) for row in list_retention(connection)]
    print_rows(["camera", "name", "days", "set_by", "set_at"], rows, as_json=as_json)


def hold(event: EventId, reason: Reason, person: Person = "", stack: Stack = "") -> None:
    """Put an event under legal hold: it, its scores and everything of its video stay, whatever their age."""
    from anyanomaly_core.results.holds import hold_event

    with database(stack, user="reviewer") as (engine, _):
        event_id = _event_id(engine, event)
        hold_event(engine, event_id, reason=reason, person=person or user_name())
    note(f"Event {event_id} is under legal hold.")


def release(event: EventId, reason: Reason, person: Person = "", stack: Stack = "") -> None:
    """Lift the legal hold of an event; who did it, when and why stays on record."""
    from anyanomaly_core.results.holds import release_event

    with database(stack, user="anyanomaly") as (engine, _):
        event_id = _event_id(engine, event)
        release_event(engine, event_id, reason=reason, person=person or user_name())
    note(f"Event {event_id} is not under legal hold any more.")


def holds(
    history: Annotated[bool, typer.Option("--history", help="Show released holds as well.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Events under legal hold."""
    from anyanomaly_core.results.holds import list_holds

    columns = ["event_id", "reason", "held_by", "held_at", "released_at", "released_by", "release_reason"]
    with database(stack, user="reader") as (engine, _), engine.connect() as connection:
        rows = [tuple(row[name] for name in columns) for row in list_holds(connection, history=history)]
    print_rows(columns, rows, as_json=as_json)


def maintain(
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove what is listed; without this option it is only listed.")
    ] = False,
    min_age_hours: Annotated[
        float, typer.Option(help="Leave alone unfinished files younger than this; 0 only when nothing else runs.")
    ] = 24.0,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Remove results past their retention and files that nothing needs; lists them unless --apply is given."""
    from anyanomaly_core.archive import maintenance

    with database(stack) as (engine, settings):
        report = maintenance.maintain(engine, settings, apply=apply, min_age_s=min_age_hours * 3600)
    print_rows(["kind", "what", "bytes", "why"], report.rows(), as_json=as_json)
    note("Removed." if apply else "Nothing was removed; --apply does.")


def _event_id(engine: "Engine", written: str) -> UUID:
    from anyanomaly_core.results.found_events import event_with_id

    with engine.connect() as connection:
        return event_with_id(connection, written)
