"""``anyanomaly clocks``: recording times that were wrong because a camera's clock was."""

from typing import Annotated

import typer

from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note, site

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def clocks(
    apply: Annotated[bool, typer.Option("--apply", help="Move them; without this they are only listed.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Videos whose recording time is not what ANYANOMALY_CLOCKS says; nothing is scored again when they move."""
    from anyanomaly_core.archive.clocks import correct_clocks, pending_moves
    from anyanomaly_core.footage.clocks import in_words
    from anyanomaly_core.results.engine import make_engine

    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        found = correct_clocks(engine, settings) if apply else pending_moves(engine, settings)
        engine.dispose()
    rows = [(m.camera, m.uri, m.recorded_at, m.moved_to, in_words(m.add), m.why, m.held) for m in found]
    print_rows(["camera", "file", "was_at", "is_at", "added", "why", "held"], rows, as_json=as_json)
    note(
        f"{len(found)} videos were moved." if apply else "Nothing was moved; --apply does, and so does the next ingest."
    )
