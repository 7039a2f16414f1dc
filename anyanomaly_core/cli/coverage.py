"""``anyanomaly coverage``: what became of every second of footage, for every rule version."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.site import database

if TYPE_CHECKING:
    from sqlalchemy import Engine


class CoverageGrouping(StrEnum):
    """How fine the table is."""

    rule = "rule"
    camera = "camera"
    day = "day"
    file = "file"


def coverage(
    rule: Annotated[str | None, typer.Option("--rule", help="Only this rule.")] = None,
    camera: Annotated[str | None, typer.Option("--camera", help="Only this camera id or pattern.")] = None,
    by: Annotated[
        CoverageGrouping, typer.Option("--by", help="What each row stands for: a rule, camera, day or file.")
    ] = CoverageGrouping.rule,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Only footage that failed or has no score yet.")
    ] = False,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Show earlier versions of rules as well.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check that the ledger adds up to the archive; exits with 1 if it does not.")
    ] = False,
    cascade: Annotated[
        bool,
        typer.Option("--cascade", help="Show what cascades left out for each rule, and at most how much they missed."),
    ] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """What became of every second: scored, carried, pruned, failed (why, how often tried), not yet, no footage."""
    from anyanomaly_core.results.coverage import cascade_table, coverage_table

    with database(stack, user="reader") as (engine, _):
        if check:
            _check_ledger(engine, as_json=as_json)
        elif cascade:
            bounds = cascade_table(engine, rule=rule, all_versions=all_versions)
            print_rows(bounds.columns, bounds.rows, as_json=as_json)
            note("Bounds hold with 95 % confidence: of segments whose own score reaches the rule's threshold.")
        else:
            table = coverage_table(
                engine, by=by.value, rule=rule, camera=camera, unfinished=unfinished, all_versions=all_versions
            )
            print_rows(table.columns, table.rows, as_json=as_json)


def _check_ledger(engine: "Engine", *, as_json: bool) -> None:
    from anyanomaly_core.results.coverage import ledger_errors, ledger_size

    wrong = ledger_errors(engine)
    versions, videos, seconds = ledger_size(engine)
    print_rows(wrong.columns, wrong.rows, as_json=as_json)
    if wrong.rows:
        note(f"{len(wrong.rows)} videos do not add up. Please report it with this table: a ledger must never be wrong.")
        raise typer.Exit(1)
    note(f"{versions} rule versions, {videos} videos: the ledger adds up ({seconds} s, each rule version counted).")
