"""How commands print: tables for people, JSON for programs, notes beside both on stderr."""

import json
import math
import shutil
import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from anyanomaly_core.display import display_text

Row = Sequence[Any]
NARROW = 40  # a column this wide is not wrapped in a terminal: ids and names can be copied


def note(text: str) -> None:
    """Tell the person at the terminal something that is not part of the output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (a command's own words)


def say(text: str = "") -> None:
    """A line of the output."""
    print(text, flush=True)  # noqa: T201  (a command's own words)


def print_json(value: object) -> None:
    """JSON as other programs read it: numbers are numbers, moments ISO 8601, what is no number is null."""
    json.dump(_plain(value), sys.stdout, indent=1, allow_nan=False, ensure_ascii=False)
    sys.stdout.write("\n")


def print_rows(names: Sequence[str], rows: Sequence[Row], *, as_json: bool = False, count: bool = True) -> None:
    """Print a relation: JSON objects; a table that fits the terminal; or, without one, lines in which nothing is cut.

    Args:
        names: of the columns.
        rows: values in their order.
        as_json: a list of objects instead.
        count: end with the number of rows.
    """
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    if sys.stdout.isatty():
        _print_table(names, rows)
    else:
        _print_lines(names, rows)
    if count:
        sys.stdout.write(f"({len(rows)} {'row' if len(rows) == 1 else 'rows'})\n")
    sys.stdout.flush()


def _print_table(names: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    cells = [[_cell(value) for value in row] for row in rows]
    for column, name in enumerate(names):
        widest = max([len(name), *(len(line[column]) for line in cells)])
        numbers = any(row[column] is not None for row in rows) and all(_is_number(row[column]) for row in rows)
        table.add_column(
            name,
            justify="right" if numbers else "left",
            no_wrap=widest <= NARROW,
            min_width=min(widest, NARROW) if widest <= NARROW else None,
            overflow="fold",
        )
    for line in cells:
        table.add_row(*map(Text, line))  # a Text is no markup: what a model wrote steers nothing
    Console(width=shutil.get_terminal_size().columns).print(table)


def _print_lines(names: Sequence[str], rows: Sequence[Row]) -> None:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(line[i]) for line in cells)]) for i, name in enumerate(names)]
    for line in [list(names), ["-" * width for width in widths], *cells]:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _plain(value: object) -> object:
    """The value in JSON's own types."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return _json_number(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return str(value)


def _json_number(value: float | Decimal) -> float | int | None:
    """JSON has no NaN."""
    if not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else float(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.3f}".rstrip("0").rstrip(".")
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    elif isinstance(value, dict | list):
        text = json.dumps(_plain(value), ensure_ascii=False)
    else:
        text = str(value)
    # One line, and nothing a model wrote may steer the terminal.
    return display_text(text, len(text))
