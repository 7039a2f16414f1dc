"""``anyanomaly export``: events as data sets for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anyanomaly_core.cli.events import VerdictChoice
from anyanomaly_core.cli.options import AsJson, Cameras, FirstDay, LastDay, Stack
from anyanomaly_core.cli.output import note, print_json
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import database

export_app = typer.Typer(no_args_is_help=True, help="Hand events to other tools as data sets.")


class DatasetFormat(StrEnum):
    """Who reads it."""

    coco = "coco"
    cvat = "cvat"
    fiftyone = "fiftyone"


@export_app.command("events")
def export_dataset(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to, new or empty.")],
    dataset_format: Annotated[DatasetFormat, typer.Option("--format", help="The tool that will read it.")],
    rules: Annotated[list[str] | None, typer.Option("--rule", help="Only this rule; may be repeated.")] = None,
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    verdict: Annotated[VerdictChoice | None, typer.Option("--verdict", help="Only events with this verdict.")] = None,
    frames: Annotated[int, typer.Option("--frames", min=1, max=1000, help="Pictures of each event.")] = 5,
    most: Annotated[int, typer.Option("--most", min=1, help="Most events to export, the newest first.")] = 1000,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Write events as pictures with labels: COCO, CVAT for images 1.1, or FiftyOne. Exits 1 when one had no footage."""
    from anyanomaly_core.results.found_events import EventFilter
    from anyanomaly_core.results.names import require_cameras, require_rules
    from anyanomaly_core.review.datasets.export import export_events

    with database(stack, user="reader") as (engine, settings), progress_stages() as stages:
        with engine.connect() as connection:
            require_rules(connection, rules or [])
            choice = EventFilter(
                rules=rules or None,
                cameras=require_cameras(connection, cameras) if cameras else None,
                first_day=first.date() if first else None,
                last_day=last.date() if last else None,
                verdict=verdict.value if verdict else None,
            )
        done = export_events(
            engine,
            settings,
            choice,
            out,
            dataset_format=dataset_format.value,
            frames=frames,
            most=most,
            advance=stages("writing pictures", "events"),
        )
    for event_id, problem in done.problems.items():
        note(f"Event {event_id} is left out: {problem}")
    if as_json:
        left_out = {str(event_id): problem for event_id, problem in done.problems.items()}
        print_json({"labels": str(done.labels), "events": done.events, "pictures": done.pictures, "left_out": left_out})
    else:
        note(f"{done.events} events with {done.pictures} pictures: {done.labels}")
    if done.problems:
        raise typer.Exit(1)
