"""How commands print: tables for people, JSON for programs."""

import json
import math
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

Row = Sequence[Any]
MOST_WIDE = 60


def print_rows(names: Sequence[str], rows: Sequence[Row], *, as_json: bool) -> None:
    """Print a relation: a list of objects, or columns as wide as their content; in a terminal at most MOST_WIDE."""
    if as_json:
        objects = [dict(zip(names, map(_known, row), strict=True)) for row in rows]
        json.dump(objects, sys.stdout, default=_plain, indent=1, allow_nan=False)
        sys.stdout.write("\n")
        return
    lines = [[_cell(value) for value in row] for row in rows]
    most = MOST_WIDE if sys.stdout.isatty() else sys.maxsize
    widths = [min(most, max(len(line[i]) for line in [list(names), *lines])) for i in range(len(names))]
    for line in [list(names), ["-" * width for width in widths], *lines]:
        cells = [_fitted(cell, width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.write(f"({len(rows)} rows)\n")


def _fitted(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"


def _known(value: object) -> object:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
    # One line, and nothing a model wrote may steer the terminal.
    return "".join(character if character.isprintable() else " " for character in text)
