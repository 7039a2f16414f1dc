#!/bin/sh
# typer carries its own copy of click: it installs without click, and click's exceptions, where click is installed too, catch nothing of typer's.
# Version: typer==0.29.2, click==8.3.1. Source: the folder typer/_click of its wheel.
# Behaviour: `except click.UsageError` around a typer command does not see the usage error that the command raises.
# Output seen 2026-11-28: raised typer._click.exceptions.NoSuchOption, is a click.UsageError: False
. "$(dirname "$0")/lib.sh"
need typer==0.29.2 click==8.3.1
py <<'P'
import click
import typer
app = typer.Typer()
@app.command()
def scan() -> None: ...
try:
    typer.main.get_command(app).main(["--no-such-option"], standalone_mode=False)
except Exception as error:
    kind = type(error)
    found = f"raised {kind.__module__}.{kind.__name__}, is a click.UsageError: {isinstance(error, click.UsageError)}"
print(found)
assert found == "raised typer._click.exceptions.NoSuchOption, is a click.UsageError: False"
P
