"""Options that several commands share, in the same words."""

from datetime import datetime
from typing import Annotated

import typer

Stack = Annotated[
    str,
    typer.Option("--stack", help="Installation, where there are several; none: the default one. See installations."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Cameras = Annotated[list[str] | None, typer.Option("--camera", help="Only this camera id or pattern; may be repeated.")]
FirstDay = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in the camera's zone.")
]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, inclusive.")]
Person = Annotated[str, typer.Option("--person", help="Who decides it, kept on record; the user's name if not given.")]
EventId = Annotated[str, typer.Argument(help="Id of the event, as `events` shows it, or its beginning.")]
