"""``anyanomaly index`` and ``anyanomaly search``: any sentence over all footage."""

from pathlib import Path
from typing import Annotated

import typer

from anyanomaly_core.cli.exit_codes import INCOMPLETE
from anyanomaly_core.cli.options import AsJson, Cameras, FirstDay, LastDay, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import database, user_name

ProfileName = Annotated[
    str, typer.Option("--profile", help="Profile whose encoder is used; default: the installation's.")
]


def index(
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    profile: ProfileName = "",
    stack: Stack = "",
) -> None:
    """Put stored footage into the index that `search` asks; what is in it is left alone."""
    from anyanomaly_core.archive.missing import FootageSelection
    from anyanomaly_core.archive.runs import index_archive

    selection = FootageSelection.parse(
        cameras=cameras or (),
        first_day=first.date().isoformat() if first else None,
        last_day=last.date().isoformat() if last else None,
    )
    with database(stack) as (engine, settings), progress_stages() as stages:
        result = index_archive(engine, settings, selection, profile=profile, stages=stages)
    counts = result.counts
    note(f"{counts['videos']} videos with {counts['segments']} segments: {counts['vectors']} vectors.")
    for uri, reason in result.failures.items():
        note(f"not wholly: {uri}: {reason}")
    if result.failures:
        raise typer.Exit(INCOMPLETE)


def search(
    sentence: Annotated[str, typer.Argument(help='What is looked for, such as "a red suitcase".')] = "",
    image: Annotated[
        Path | None, typer.Option("--image", exists=True, help="Search for what this picture shows.")
    ] = None,
    like: Annotated[
        str, typer.Option("--like", help="Search for what this event shows: its id, or the beginning of it.")
    ] = "",
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    case_number: Annotated[
        str, typer.Option("--case", help="Reason for the search, kept on record: a case number, a request.")
    ] = "",
    person: Annotated[str, typer.Option("--person", help="Who searches; the user's name if not given.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="Most segments to show.")] = 20,
    profile: ProfileName = "",
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Search all footage for a sentence, a picture or something like an event; who searched for what is kept."""
    from anyanomaly_core.archive.search import ArchiveSearch
    from anyanomaly_core.results.found_events import event_with_id

    with database(stack, user="reviewer") as (engine, settings):
        event_id = None
        if like:
            with engine.connect() as connection:
                event_id = event_with_id(connection, like)
        answer = ArchiveSearch(engine, settings, profile).ask(
            sentence or None,
            image=image,
            like_event=event_id,
            cameras=cameras or (),
            first_day=first.date() if first else None,
            last_day=last.date() if last else None,
            person=person or user_name(),
            case_number=case_number or None,
            most=most,
        )
    rows = [
        (s.camera, s.started_at.isoformat(timespec="seconds"), round(s.similarity, 4), s.uri, s.segment_index, s.frame)
        for s in answer.segments
    ]
    names = ["camera", "started_at", "similarity", "uri", "segment", "frame"]
    if as_json:
        print_json({"search": answer.search_id, "segments": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    print_rows(names, rows)
    note(f"Noted as search {answer.search_id}.")
