"""docs/figures.md says what docs/figures/*.json hold, and every figure says where it comes from."""

import argparse
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.benchmarks import figures

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RECORDS = sorted((DOCS / "figures").glob("*.json"))


def anchor(title: str) -> str:
    """Of a heading, as the page's readers make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_page_is_current() -> None:
    assert figures.PAGE.read_text(encoding="utf-8") == figures.page(), "make docs"


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_every_figure_has_a_command_that_is_there_and_a_date(file: Path) -> None:
    record = figures.Record.model_validate_json(file.read_text(encoding="utf-8"))
    date.fromisoformat(record.date)
    assert record.tables
    assert all(len(row) == len(table.columns) for table in record.tables for row in table.rows)
    program = re.match(r"(?:python -m (tests\.benchmarks\.\w+)|(make bench|anyanomaly evaluate)\b)", record.command)
    assert program, record.command
    if program[1] is not None:
        assert (ROOT / program[1].replace(".", "/")).with_suffix(".py").is_file()


def test_every_link_to_a_figure_leads_to_one() -> None:
    titles = {anchor(line.lstrip("# ")) for line in figures.page().splitlines() if line.startswith("#")}
    links = {
        (page.name, target)
        for page in (*DOCS.glob("*.md"), ROOT / "README.md")
        for target in re.findall(r"figures\.md#([\w-]+)", page.read_text(encoding="utf-8"))
    }
    assert links, "the pages that explain the parts link to their figures"
    assert not [link for link in links if link[1] not in titles]


def test_what_is_printed_is_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--hours", "4", "--save", "mine", "--turns", "2"])
    parser = argparse.ArgumentParser()
    figures.add_save_option(parser, "store")
    chosen = parser.parse_args(["--save", "mine"])
    found = figures.Figures("Loading", "What was loaded.")
    found.table("way", "rate")
    found.row("bare | COPY", 7.0)
    found.result("Half of it.")
    found.save(chosen.save)
    stored = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    assert stored["command"].endswith("--hours 4 --turns 2"), "without --save"
    assert stored["tables"] == [{"caption": "", "columns": ["way", "rate"], "rows": [["bare | COPY", "7.0"]]}]
    assert stored["results"] == ["Half of it."]
    assert "| bare | COPY | 7.0 |" in capsys.readouterr().out
    markdown = figures.Record.model_validate(stored).markdown()
    assert r"| bare \| COPY | 7.0 |" in markdown
    assert stored["machine"] in markdown


def test_a_record_without_a_place_on_the_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stray.json").write_text(RECORDS[0].read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"stray\.json has no place"):
        figures.page()


def test_the_check_of_the_page_fails_when_it_is_old(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from tests.benchmarks import figures; "
    code += f"figures.PAGE = Path({str(tmp_path / 'figures.md')!r}); figures.main(['--check'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "`make docs` writes it" in done.stderr
