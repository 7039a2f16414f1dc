"""``anyanomaly layout``: how an archive names its files, before anything is ingested."""

from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.output import print_json, say


def layout(
    folder: Annotated[str, typer.Argument(help="Folder of an archive, or an fsspec URL.")],
    chosen: Annotated[str, typer.Option("--layout", help="Try this layout instead of proposing one.")] = "",
    time_zone: Annotated[str, typer.Option(help="Zone of times that name none; else ANYANOMALY_TIME_ZONE.")] = "",
    as_json: AsJson = False,
) -> None:
    """Propose how paths state camera and time, and show ten files as they would be read; nothing is written."""
    import dataclasses

    from anyanomaly_core.config import LayoutSettings, read_settings
    from anyanomaly_core.footage.local_time import Zones
    from anyanomaly_core.footage.recorders.proposal import propose

    settings = read_settings(LayoutSettings)
    if time_zone:
        settings = LayoutSettings.model_validate({**settings.model_dump(), "time_zone": time_zone})
    zones = Zones.of_settings(settings)
    proposal = propose(folder, zones, layout=chosen)
    if as_json:
        print_json(dataclasses.asdict(proposal))
    else:
        say(proposal.report(zones))
