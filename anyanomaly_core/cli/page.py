"""``docs/cli.md``: every command with its arguments and options, taken from the commands themselves."""

from collections.abc import Iterator

import typer

_HEAD = """\
<!-- Made by .ci/cli_page.py from anyanomaly_core/cli; `make docs` writes it anew. -->
# The command line

`.venv/bin/anyanomaly`, or `anyanomaly` after `source .venv/bin/activate` and in the Docker images;
`--install-completion` teaches the shell to complete it, `--help` explains each command. What a command found goes to
standard output, as a table or, with `--json`, for programs; everything else goes to standard error.

| exit code | meaning |
|---|---|
| 0 | all went well |
| 1 | the command could not do its work; `doctor`, `coverage --check`, `evidence verify`: a fault was found |
| 2 | the command was written wrongly |
| 3 | `scan`, `backfill` or `evaluate` did their work, but something could not be scored |
"""


def render_cli_page() -> str:
    """The reference of all commands, in Markdown."""
    from anyanomaly_core.cli.app import app

    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="anyanomaly")
    panels: dict[str, list[str]] = {}
    for command in _subcommands(root, context):
        panel = str(getattr(command, "rich_help_panel", None) or "Commands")
        panels.setdefault(panel, []).extend(_describe(command, context))
    sections = [f"## {panel}\n\n{''.join(commands)}" for panel, commands in panels.items()]
    return _HEAD + "\n" + "".join(sections).rstrip() + "\n"


Command = typer.core.TyperCommand | typer.core.TyperGroup


def _subcommands(group: object, context: typer.Context) -> list[Command]:
    assert isinstance(group, typer.core.TyperGroup)  # noqa: S101  (for the type checker)
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [command for command in found if isinstance(command, Command)]


def _describe(command: Command, above: typer.Context) -> Iterator[str]:
    """A section for a command; for a group, one for each of its commands."""
    context = typer.Context(command, info_name=command.name, parent=above)
    grouped = isinstance(command, typer.core.TyperGroup)
    if not grouped or getattr(command, "invoke_without_command", False):
        yield f"### {context.command_path}\n{command.help or ''}\n\n"
        yield _parameters(command, context)
    if grouped:
        for inner in _subcommands(command, context):
            yield from _describe(inner, context)


def _parameters(command: Command, context: typer.Context) -> str:
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [record for record in records if record is not None]
    if not rows:
        return ""
    lines = [f"| `{_cell(name)}` | {_cell(meaning)} |\n" for name, meaning in rows]
    return f"| | |\n|---|---|\n{''.join(lines)}\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
