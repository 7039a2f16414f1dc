"""CSV tables of labels: cells without blanks around them, and messages that name file and line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.ground_truth import FrameRange


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One line of a table."""

    file: Path
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """A cell that must not be empty."""
        if not self.cells[column]:
            raise self.error(f"the column {column} is empty")
        return self.cells[column]

    def error(self, what: str) -> ConfigurationError:
        """The error to raise about this line."""
        return ConfigurationError(f"{self.file} line {self.line}: {what}.")

    def number(self, column: str) -> int:
        """A frame number, from 0."""
        cell = self[column]
        if not cell.isdecimal():
            raise self.error(f"{column} is {cell!r}, and a frame number is a whole number from 0")
        return int(cell)

    def span(self, first: str, last: str) -> FrameRange:
        """A run of frames, both ends included."""
        span = self.number(first), self.number(last)
        if span[0] > span[1]:
            raise self.error(f"the last frame {span[1]} lies before the first frame {span[0]}")
        return span


def read_text(file: Path) -> str:
    """A text file with or without a byte order mark; raises ConfigurationError when it is not UTF-8."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes().count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{file} line {line}: not UTF-8 ({error.reason}); save the file as UTF-8.") from None


def read_rows(file: Path, *needed: str) -> Iterator[CsvRow]:
    """Lines of a CSV file with a header; empty lines are skipped.

    Raises:
        ConfigurationError: when a column of ``needed`` is not in the header, or a line has more or fewer cells than it.
    """
    with io.StringIO(read_text(file), newline="") as opened:
        reader = csv.reader(opened)
        header = [cell.strip() for cell in next(reader, [])]
        if lacking := [name for name in needed if name not in header]:
            raise ConfigurationError(
                f"{file} has the columns '{','.join(header)}' and lacks {', '.join(lacking)}: "
                "is it separated by commas, with the names of the columns in its first line?"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row = CsvRow(file, reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=False)))
            if len(cells) != len(header):
                raise row.error(
                    f'{len(cells)} cells under {len(header)} columns; a cell with a comma in it needs "quotes"'
                )
            yield row
