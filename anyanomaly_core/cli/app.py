"""The command ``anyanomaly``: its commands in the order of a working day."""

import os
import signal
import sys
from typing import Annotated

import typer

from anyanomaly_core import __version__
from anyanomaly_core.cli import (
    alerts,
    backfill,
    calibrate,
    clocks,
    coverage,
    demo,
    doctor,
    evaluate,
    events,
    evidence,
    export,
    fleet,
    installations,
    keeping,
    layout,
    machine,
    query,
    report,
    rules,
    scan,
    search,
    show,
    train,
)
from anyanomaly_core.cli.output import note
from anyanomaly_core.errors import AnyAnomalyError

BEGIN, EVERY_MORNING, RULES = "To begin", "Every morning", "Rules, and old footage"
KEEP, SERVICES, QUALITY = "Hand over, keep, clear away", "Services of this machine", "How good it is"

app = typer.Typer(
    name="anyanomaly",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Search archived CCTV footage by rules in words.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"anyanomaly {__version__}")  # noqa: T201  (a command's own words)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Search archived CCTV footage by rules in words."""


app.command("demo", rich_help_panel=BEGIN)(demo.demo)
app.command("doctor", rich_help_panel=BEGIN)(doctor.doctor)
app.add_typer(doctor.models_app, name="models", rich_help_panel=BEGIN)
app.command("layout", rich_help_panel=BEGIN)(layout.layout)
app.command("scan", rich_help_panel=BEGIN)(scan.scan)
app.command("show", rich_help_panel=BEGIN)(show.show)

app.command("report", rich_help_panel=EVERY_MORNING)(report.report)
app.command("events", rich_help_panel=EVERY_MORNING)(events.list_events)
app.command("search", rich_help_panel=EVERY_MORNING)(search.search)
app.command("verdict", rich_help_panel=EVERY_MORNING)(events.judge_event)
app.command("query", rich_help_panel=EVERY_MORNING)(query.query)
app.command("coverage", rich_help_panel=EVERY_MORNING)(coverage.coverage)
app.command("quarantine", rich_help_panel=EVERY_MORNING)(query.quarantine)
app.command("retry", rich_help_panel=EVERY_MORNING)(query.retry)
app.add_typer(alerts.alerts_app, name="alerts", rich_help_panel=EVERY_MORNING)

app.add_typer(rules.rules_app, name="rules", rich_help_panel=RULES)
app.command("backfill", rich_help_panel=RULES)(backfill.backfill)
app.command("index", rich_help_panel=RULES)(search.index)
app.command("clocks", rich_help_panel=RULES)(clocks.clocks)

app.add_typer(evidence.evidence_app, name="evidence", rich_help_panel=KEEP)
app.add_typer(export.export_app, name="export", rich_help_panel=KEEP)
app.command("hold", rich_help_panel=KEEP)(keeping.hold)
app.command("release", rich_help_panel=KEEP)(keeping.release)
app.command("holds", rich_help_panel=KEEP)(keeping.holds)
app.add_typer(keeping.retention_app, name="retention", rich_help_panel=KEEP)
app.command("maintain", rich_help_panel=KEEP)(keeping.maintain)

app.command("up", rich_help_panel=SERVICES)(machine.up)
app.command("down", rich_help_panel=SERVICES)(machine.down)
app.command("status", rich_help_panel=SERVICES)(machine.status)
app.command("fleet", rich_help_panel=SERVICES)(fleet.fleet)
app.command("user", rich_help_panel=SERVICES)(machine.user)
app.add_typer(installations.installations_app, name="installations", rich_help_panel=SERVICES)
app.command("migrate", rich_help_panel=SERVICES)(machine.migrate)
app.add_typer(machine.db_app, name="db", rich_help_panel=SERVICES)
app.command(
    "airflow",
    rich_help_panel=SERVICES,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)(machine.airflow)

app.command("evaluate", rich_help_panel=QUALITY)(evaluate.evaluate)
app.command("calibrate", rich_help_panel=QUALITY)(calibrate.calibrate)
app.add_typer(train.train, name="train", rich_help_panel=QUALITY)


def main() -> None:
    """Run a command; a known error is one sentence, without a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C: what was started must be stopped again
        signal.signal(number, lambda signal_number, _frame: sys.exit(128 + signal_number))
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # the bars of libraries are for terminals
    try:
        app()
    except AnyAnomalyError as error:
        note(str(error))
        sys.exit(1)
    except BrokenPipeError:  # the reader of a pipe has seen enough, as `| head` does
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  (Python flushes it once more at its end)
        sys.exit(1)
