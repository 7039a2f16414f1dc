"""``anyanomaly clocks``: recording times that were wrong because a camera's clock was."""

from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database


def clocks(
    apply: Annotated[
        bool, typer.Option("--apply", help="Move the videos; without this option they are only listed.")
    ] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Videos whose recording time is not what ANYANOMALY_CLOCKS says; nothing is scored again when they move."""
    from anyanomaly_core.archive.clocks import correct_clocks, pending_corrections
    from anyanomaly_core.footage.clocks import describe_correction

    with database(stack) as (engine, settings):
        found = correct_clocks(engine, settings) if apply else pending_corrections(engine, settings)
    rows = [(m.camera, m.uri, m.recorded_at, m.target_time, describe_correction(m.add), m.why, m.held) for m in found]
    print_rows(["camera", "file", "was_at", "is_at", "added", "why", "held"], rows, as_json=as_json)
    note(
        f"{len(found)} videos were moved." if apply else "Nothing was moved; --apply does, and so does the next ingest."
    )
