"""``anyanomaly installations``: the archives that this machine knows."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.output import note, print_rows, say
from anyanomaly_core.errors import AnyAnomalyError, ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.embedded.installation import Installation
    from anyanomaly_core.results.holdings import Holdings

Name = Annotated[str, typer.Argument(help="Name of the installation, or of its folder under .local.")]

installations_app = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    help="The installations of this machine, one for each archive; alone, it lists them.",
)


@installations_app.callback()
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """The installations of this machine, one for each archive; alone, it lists them."""
    from anyanomaly_core.embedded import services
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import default_installation, list_installations

    if context.invoked_subcommand is not None:
        return
    default = default_installation(LOCAL)
    rows = [
        (
            installation.name,
            "default" if installation == default else "",
            installation.settings.get("ARCHIVE_ROOT"),
            installation.settings.get("PROFILE"),
            "running" if services.is_up(installation) else "stopped",
            str(installation.folder),
        )
        for installation in list_installations(LOCAL)
    ]
    print_rows(["name", "default", "footage", "profile", "services", "folder"], rows, as_json=as_json)


@installations_app.command("default")
def choose_default(name: Name) -> None:
    """Take this installation wherever a command names none."""
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import find_installation, set_default

    installation = find_installation(LOCAL, name)
    set_default(LOCAL, installation)
    note(f"Commands without --stack or STACK= now mean {installation.name}.")


@installations_app.command("name")
def give_name(
    name: Name, new: Annotated[str, typer.Argument(help="Lower-case letters, digits, - and _; up to 40.")]
) -> None:
    """Give an installation a name that is easy to type."""
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import find_installation, name_installation

    name_installation(LOCAL, find_installation(LOCAL, name), new)
    note(f"{name} is now called {new}; its folder stays where it is.")


@installations_app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; refused where events are under legal hold.")] = False,
) -> None:
    """Stop an installation and delete its results, verdicts and accounts for good; footage stays."""
    from anyanomaly_core.embedded.installation import LOCAL
    from anyanomaly_core.embedded.installations import DEMO, find_installation, remove_installation

    installation = find_installation(LOCAL, name)
    if not (yes and installation.folder.name == DEMO):  # a demo can be made anew
        _confirm_removal(installation, _count(installation), ask=not yes)
    remove_installation(LOCAL, installation)
    note(f"{installation.folder} is gone.")


def _count(installation: "Installation") -> "Holdings | None":
    """What its database holds; None when it cannot be asked."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.holdings import count_holdings

    ran_before = installation.postgres.is_running()
    try:
        installation.postgres.start()
        engine = make_engine(installation.postgres.url("anyanomaly", "reader"), pool_size=1)
        try:
            return count_holdings(engine)
        finally:
            engine.dispose()
            if not ran_before:
                installation.postgres.stop()
    except AnyAnomalyError as error:
        note(f"What its database holds cannot be counted: {error}")
        return None


def _confirm_removal(installation: "Installation", holdings: "Holdings | None", *, ask: bool) -> None:
    say(f"{installation.name}: results over {installation.settings.get('ARCHIVE_ROOT')}, in {installation.folder}")
    if holdings is not None:
        held = f"{holdings.holds} of them under legal hold"
        say(f"  {holdings.videos} videos, {holdings.events} events, {held}, {holdings.verdicts} verdicts")
    if not ask and (holdings is None or holdings.holds):
        raise ConfigurationError(
            "Nothing was deleted: events may be under legal hold. Release them first (`anyanomaly holds`), or leave "
            "--yes out and answer the question."
        )
    if ask:
        if not sys.stdin.isatty():
            raise ConfigurationError("Nobody is there to ask; say --yes if it is to be deleted.")
        typed = typer.prompt(f"This cannot be undone. Type {installation.name} to delete it")
        if typed.strip() not in installation.labels:
            raise ConfigurationError("Nothing was deleted.")
