"""``anyanomaly fleet``: who does what, on all hosts."""

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database


def fleet(stack: Stack = "", as_json: AsJson = False) -> None:
    """Which worker scores which video, since when, and how much footage waits."""
    from anyanomaly_core.results.fleet import backlog_hours, current_work

    with database(stack, user="reader") as (engine, settings):
        found = current_work(engine, lease_s=settings.lease_s)
        print_rows(found.columns, found.rows, as_json=as_json)
        note(f"{backlog_hours(engine):.2f} hours of footage wait, counted once for each rule.")
