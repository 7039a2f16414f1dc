"""What a benchmark measured, kept with where it comes from; and ``docs/figures.md``, made from all that is kept.

A benchmark prints through :class:`Figures`. With ``--save`` the same tables go into ``docs/figures/NAME.json`` with
command, date, commit and machine. ``python -m tests.benchmarks.figures`` writes the page (``make docs`` calls it), with
``--check`` it only compares.
"""

import argparse
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from anyanomaly_core.evaluation.provenance import code_version

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER, PAGE = DOCS / "figures", DOCS / "figures.md"
# Sections of the page, and the files in each.
CONTENTS = {
    "Quality": ("demo-models", "cascade", "ablation-14-clips"),
    "Cost of a scan": ("efficiency", "scan-shares", "visual-tokens"),
    "Memory": ("memory",),
    "Store": ("store", "store-loading", "ingest", "week-of-files", "search"),
    "Backfill": ("quote", "backfill-killed"),
}
HEAD = """\
# Figures

<!-- Written by `make docs` from docs/figures/*.json, which benchmarks write with --save. Change nothing here. -->

What was measured, by which command, when, at which commit and on what machine. The pages that explain the parts link
here. Other machines and other footage give other figures: run the command.
"""


class Table(BaseModel):
    """Columns and rows, as they are printed."""

    model_config = ConfigDict(extra="forbid")

    caption: str = ""
    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """With its caption above."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        return f"{self.caption}\n\n{table}" if self.caption else table


class Record(BaseModel):
    """One run of one benchmark."""

    model_config = ConfigDict(extra="forbid")

    title: str
    about: str  # what was done, and how to read the tables; Markdown
    command: str
    date: str
    commit: str
    machine: str
    tables: list[Table]
    results: list[str] = []  # sentences that the command ended with
    carried_over: bool = False  # written into a page by hand at that commit, before commands kept their figures

    def markdown(self) -> str:
        """A section of the page."""
        origin = "; carried over from the page where it stood" if self.carried_over else ""
        source = f"`{self.command}`  \n{self.date}, {self.commit}, {self.machine}{origin}"
        parts = [f"### {self.title}", source, self.about, *(table.markdown() for table in self.tables)]
        return "\n\n".join([*parts, *(f"* {result}" for result in self.results)])


class Figures:
    """Prints tables as Markdown while they grow, and keeps them."""

    def __init__(self, title: str, about: str) -> None:
        self._record = Record(
            title=title, about=about, command=_command(), tables=[], commit=code_version(),
            date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine(),
        )  # fmt: skip

    def table(self, *columns: str, caption: str = "") -> None:
        """Begin a table; the rows that follow are its own."""
        self._record.tables.append(Table(caption=caption, columns=list(columns), rows=[]))
        print(f"\n{caption}\n" if caption else "")
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    def row(self, *cells: object) -> None:
        """The next line of the table."""
        line = [str(cell) for cell in cells]
        self._record.tables[-1].rows.append(line)
        print(f"| {' | '.join(line)} |", flush=True)

    def result(self, sentence: str) -> None:
        """Something else to be said."""
        self._record.results.append(sentence)
        print(f"\n{sentence}", flush=True)

    def save(self, name: str | None) -> None:
        """Write ``docs/figures/NAME.json``; nothing without a name."""
        if name:
            FOLDER.mkdir(exist_ok=True)
            body = self._record.model_dump()
            (FOLDER / f"{name}.json").write_text(
                json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            print(f"\nKept as docs/figures/{name}.json; `make docs` puts it on the page.")


def add_save_option(parser: argparse.ArgumentParser, name: str) -> None:
    """``--save``: keep the figures under ``name``, or another one."""
    parser.add_argument(
        "--save", nargs="?", const=name, metavar="NAME", help=f"keep the figures as docs/figures/{name}.json"
    )


def machine() -> str:
    """Processor, cores, memory, graphics card, and how busy it is."""
    memory = psutil.virtual_memory().total / 2**30
    parts = [_processor(), f"{os.cpu_count()} cores", f"{memory:.0f} GiB"]
    if "torch" in sys.modules:
        import torch  # noqa: PLC0415

        if torch.cuda.is_available():
            parts.append(torch.cuda.get_device_name())
    return f"{', '.join(parts)}; load {os.getloadavg()[0]:.1f} when it began"


def page() -> str:
    """The whole page."""
    records = {path.stem: Record.model_validate_json(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
    known = [name for names in CONTENTS.values() for name in names]
    if stray := sorted(set(records) - set(known)):
        raise ValueError(f"docs/figures/{stray[0]}.json has no place on the page; give it one in CONTENTS.")
    parts = [HEAD]
    for section, names in CONTENTS.items():
        found = [records[name].markdown() for name in names if name in records]
        parts += [f"## {section}", *found] if found else []
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _command() -> str:
    """As it was called, without ``--save``."""
    spec = sys.modules["__main__"].__spec__
    program = ["-m", spec.name] if spec is not None else [os.path.relpath(sys.argv[0])]
    given = re.sub(r"\s--save(\s(?!-)\S+)?", "", f" {shlex.join(sys.argv[1:])}").strip()
    return f"{shlex.join(['python', *program])} {given}".strip()


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), flags=re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def main(arguments: Sequence[str]) -> None:
    """Write the page, or with ``--check`` fail when it is not current."""
    if "--check" in arguments:
        current = PAGE.read_text("utf-8") if PAGE.exists() else ""
        sys.exit(0 if current == page() else f"{PAGE} is not current; `make docs` writes it.")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
