"""``anyanomaly doctor`` and ``models``: what this machine has, lacks and can run; fetching models."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import database
from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.embedded.machine import MachinePart
    from anyanomaly_core.models.checks import ModelState

models_app = typer.Typer(no_args_is_help=True, help="The models of profiles: where they are, and fetching them.")

_ROOM_TO_WORK = 1.3  # of the weights: what they are multiplied with

Profiles = Annotated[list[str] | None, typer.Argument(help="Built-in names or YAML files; none: all built-in ones.")]


def doctor(
    profiles: Profiles = None,
    distributed: Annotated[
        bool,
        typer.Option(
            "--distributed",
            help="Check what a host of several must reach and share with the others; see docs/distributed.md.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is here, what is missing, which profiles fit this machine; exits 1 where no scan could run."""
    from anyanomaly_core.embedded.machine import examine_machine

    found = _examine_fleet() if distributed else examine_machine()
    rows = [(item.what, "ok" if item.problem is None else "missing", item.found or item.problem) for item in found]
    print_rows(["what", "state", "details"], rows, as_json=as_json, count=False)
    if not as_json and not distributed:
        note("")
        _print_models(profiles, as_json=False)
    if any(item.problem is not None for item in found):
        raise typer.Exit(1)


def _examine_fleet() -> "list[MachinePart]":
    from anyanomaly_core.embedded.distributed import examine_fleet

    with database() as (engine, settings):
        return examine_fleet(settings, engine, os.environ)


@models_app.command("list")
def list_models(profiles: Profiles = None, as_json: AsJson = False) -> None:
    """The models of profiles: where they are, the memory of their weights, and what is in the way."""
    _print_models(profiles, as_json=as_json)


@models_app.command("fetch")
def fetch(
    profile: Annotated[str, typer.Argument(help="Built-in name or YAML file.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder of models; none: ANYANOMALY_MODELS_DIR.", file_okay=False)
    ] = None,
) -> None:
    """Download the models of a profile from the hub, each at one commit, to where loading looks for them."""
    from anyanomaly_core.models.hub import fetch_model, hub_model
    from anyanomaly_core.models.loading import local_directory, no_lavida
    from anyanomaly_core.profile import load_profile

    settings = ModelSettings()
    folder = into or settings.models_dir
    if folder is None:
        raise ConfigurationError("Say where models are to lie: set ANYANOMALY_MODELS_DIR, or give --into FOLDER.")
    settings = settings.model_copy(update={"models_dir": folder})
    chosen = load_profile(profile)
    with progress_stages() as stages:
        for part in chosen.parts:
            spec = chosen.spec_of(part)
            if part == "lvlm" and chosen.lvlm.backend == "openai":
                note("The language model of this profile is a server's: nothing to fetch.")
            elif (there := local_directory(spec.model.removeprefix("hf-hub:"), spec.path, part, settings)) is not None:
                note(f"{spec.model} is there: {there}")
            elif part == "lavida":
                note(no_lavida(spec.model))
            else:
                model = hub_model(chosen, part)
                target = fetch_model(model, folder, progress=stages(model.repository, "bytes"))
                note(f"{model.repository}, commit {(target / 'FETCHED_FROM').read_text().split()[-1]}: {target}")
    if folder != ModelSettings().models_dir:
        note(f"Scans find them with ANYANOMALY_MODELS_DIR={folder.resolve()}")


def _print_models(names: list[str] | None, *, as_json: bool) -> None:
    from anyanomaly_core.embedded.machine import memory_of_models
    from anyanomaly_core.models.checks import inspect_models
    from anyanomaly_core.profile import builtin_profiles, load_profile

    room = memory_of_models()
    settings = ModelSettings()
    states = {name: inspect_models(load_profile(name), settings) for name in names or builtin_profiles()}
    rows: list[tuple[object, ...]] = []
    for name, models in states.items():
        needed = sum(state.memory or 0 for state in models)
        fits = "yes" if needed * _ROOM_TO_WORK < room.bytes else "no"
        rows += [(name, m.part, m.model, _gigabytes(m), fits, m.place, m.problem if as_json else None) for m in models]
    columns = ["profile", "part", "model", "memory_gb", "fits", "place", "problem"]
    if as_json:
        print_rows(columns, rows, as_json=True)
        return
    print_rows(columns[:-1], [row[:-1] for row in rows], count=False)
    for name, models in states.items():
        for state in models:
            if state.problem is not None:
                note(f"{name}: {state.problem} {state.remedy}")
    note(f"Memory for models: {room.bytes / 1e9:.1f} GB, {room.what}. A ~ is guessed from the model's name.")


def _gigabytes(state: "ModelState") -> str | None:
    if state.memory is None:
        return None
    return f"{'' if state.exactly else '~'}{state.memory / 1e9:.1f}"
