"""What a scan found, as tables for a terminal, always with the SQL that made them."""

import json
import shutil
import sys
from datetime import datetime

from sqlalchemy import text

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.embedded.pipeline import Scanned
from anyanomaly_core.results.engine import make_engine

EVENTS = """\
SELECT rule, camera, started_local, round(duration_s::numeric, 1) AS seconds,
       round(peak_score::numeric, 2) AS peak, rationale
FROM event_list
WHERE is_current_version
ORDER BY peak_score DESC, started_local
LIMIT 30"""
TOTALS = """\
SELECT rule, state, count(DISTINCT video_id) AS videos, sum(segments) AS segments,
       round(sum(seconds)::numeric, 1) AS seconds_of_footage, min(reason) AS reason
FROM coverage
WHERE is_current_version
GROUP BY rule, state
ORDER BY rule, state"""
EXAMPLE = "SELECT * FROM frame_scores ORDER BY score DESC NULLS LAST LIMIT 5"

Table = tuple[list[str], list[tuple[object, ...]]]


def query(installation: Installation, statement: str, parameters: dict[str, object] | None = None) -> Table:
    """Column names and rows, asked as the user ``reader``, who may only read."""
    engine = make_engine(installation.postgres.url("anyanomaly", "reader"), pool_size=1)
    try:
        with engine.connect() as connection:
            result = connection.execute(text(statement), parameters or {})
            return list(result.keys()), [tuple(row) for row in result]
    finally:
        engine.dispose()


def print_events(installation: Installation) -> None:
    """The events with the highest peaks."""
    _print_answer(installation, "Events, highest peak first", EVENTS)


def print_totals(installation: Installation) -> None:
    """What became of the footage, for every rule."""
    _print_answer(installation, "What became of every second of footage", TOTALS)


def print_where(installation: Installation, scanned: Scanned) -> None:
    """Where the results lie and how to go on."""
    stack = f"STACK={installation.name}"
    if scanned.units == 0:
        print("\nNothing was missing: no unit of work was scored in this run. The results are those of earlier runs.")
    else:
        units = f"{scanned.units} units of work" if scanned.units > 1 else "1 unit of work"
        print(f"\nScored {units}; ingest and scan took {scanned.seconds:.0f} s.")
    print(f"\nThe same facts as Parquet: {installation.parquet}")
    print("How to go on:")
    print(f'  make query {stack} SQL="{EXAMPLE}"')
    print(f"  make up {stack}      leaves Airflow running with its pages (schedules, forms, logs)")
    print(f"  make down {stack}    stops everything again")


def print_table(table: Table) -> None:
    """Columns as wide as their content; in a terminal the last one takes what is left of it, else all is printed."""
    names, rows = table
    if not rows:
        print("  (no rows)")
        return
    cells = [names, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    room = widths[-1]
    if sys.stdout.isatty():
        room = max(30, shutil.get_terminal_size().columns - 2 * len(widths) - sum(widths[:-1]))
    for number, line in enumerate(cells):
        padded = [cell.ljust(width) for cell, width in zip(line[:-1], widths[:-1], strict=True)]
        last = line[-1] if len(line[-1]) <= room else f"{line[-1][: room - 1]}…"
        print("  " + "  ".join([*padded, last]).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in [*widths[:-1], min(widths[-1], room)]))


def indent(statement: str) -> str:
    """A statement as it is shown under its table."""
    return "\n".join(f"    {line}" for line in statement.splitlines())


def _print_answer(installation: Installation, title: str, statement: str) -> None:
    print(f"\n{title}")
    print_table(query(installation, statement))
    print(f"  printed by\n{indent(statement)}")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    # One line, and nothing a model wrote may steer the terminal.
    return "".join(character if character.isprintable() else " " for character in str(value))
