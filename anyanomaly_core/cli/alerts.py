"""``anyanomaly alerts``: who is told of new events, whether it works, and what waits."""

from typing import Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows
from anyanomaly_core.cli.site import database, site

alerts_app = typer.Typer(
    no_args_is_help=True, help="Tell others of new events: list targets, test one, send what waits."
)


@alerts_app.command("list")
def list_targets(stack: Stack = "", as_json: AsJson = False) -> None:
    """The targets of the file of alerts, what each is told of, and what became of its alerts so far."""
    from anyanomaly_core.results.alert_outbox import target_states
    from anyanomaly_core.rules.alerts import load_alerts

    with database(stack, user="reader") as (engine, settings), engine.connect() as connection:
        targets = {target.name: target for target in load_alerts(settings.alerts).targets}
        states = target_states(connection)
    if settings.alerts is None:
        note("ANYANOMALY_ALERTS names no file: nobody is told of anything. docs/alerts.md shows one.")
    names = ["target", "kind", "rules", "cameras", "min_score", "waiting", "sent", "not_sent", "last_sent", "problem"]
    rows = []
    for name in sorted({*targets, *states}):
        target, state = targets.get(name), states.get(name)
        wanted: tuple[object, ...] = ("not in the file", None, None, None)
        if target is not None:
            wanted = (target.kind, " ".join(target.rules), " ".join(target.cameras), target.min_score)
        counts = (0, 0, 0) if state is None else (state.waiting, state.sent, state.not_sent)
        last = (None, None) if state is None else (state.last_sent_at, state.problem)
        rows.append([name, *wanted, *counts, *last])
    print_rows(names, rows, as_json=as_json)


@alerts_app.command("test")
def try_target(name: Annotated[str, typer.Argument(help="Name of the target.")], stack: Stack = "") -> None:
    """Send a made-up alert, that says so, to a target; fails when it does not take it."""
    from anyanomaly_core.alerts.connections import connection_from_environment
    from anyanomaly_core.alerts.delivery import send_test
    from anyanomaly_core.rules.alerts import load_alerts

    with site(None, stack) as settings:
        send_test(load_alerts(settings.alerts), name, connection_from_environment)
    note(f"{name} took a test.")


@alerts_app.command("send")
def send(stack: Stack = "", as_json: AsJson = False) -> None:
    """Send what waits and is due. Scans send by themselves; this is for what a target did not take then."""
    from anyanomaly_core.alerts.connections import connection_from_environment
    from anyanomaly_core.alerts.delivery import send_waiting
    from anyanomaly_core.rules.alerts import load_alerts

    with database(stack) as (engine, settings):
        counts = send_waiting(engine, settings, load_alerts(settings.alerts), connection_from_environment)
    if as_json:
        print_json(dict(counts))
    else:
        note(", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "No alert was due.")
    if counts["postponed"] or counts["refused"]:
        raise typer.Exit(1)
