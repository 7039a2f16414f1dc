"""``anyanomaly show``: what the method looks at in one segment, as PNG files."""

from pathlib import Path
from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.output import print_rows


def show(
    video: Annotated[Path, typer.Argument(help="A video file.", exists=True, dir_okay=False)],
    text: Annotated[str, typer.Option("--text", help="What to look for, as in a rule.")],
    at: Annotated[float, typer.Option("--at", help="Seconds from the start; the segment there is shown.")] = 0.0,
    profile: Annotated[str, typer.Option("--profile", help="Built-in name or YAML file.")] = "demo",
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("show"),
    as_json: AsJson = False,
) -> None:
    """Write key frame, attention image, position context and grid of one segment as PNG."""
    from anyanomaly_core.engine.explanation import write_explanation
    from anyanomaly_core.profile import load_profile

    paths = write_explanation(video, text, at, load_profile(profile), out)
    print_rows(["picture"], [(str(path),) for path in paths], as_json=as_json)
