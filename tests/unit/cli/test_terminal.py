"""What the commands print: tables that fit, progress that can be read, nothing that steers the terminal."""

import re
from datetime import datetime
from typing import Any

import pytest

from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.embedded import runs

HOSTILE = "all\nclear \x1b[2J\x07 [red]and[/red] on"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_table_lines_up_and_keeps_foreign_text_harmless(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")  # without bold letters, whose codes would count as steering
    at = datetime(2026, 3, 1, 2, 3, 4)  # noqa: DTZ001  # as PostgreSQL gives a camera's local time
    print_rows(["rule", "at", "rationale"], [("run", at, HOSTILE), ("a", None, "b")], count=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 if terminal else 4, "one line for each row, whatever a model wrote"
    assert not any(ord(character) < 32 for line in lines for character in line)
    assert lines[-2].split() == [
        "run",
        "2026-03-01",
        "02:03:04",
        "all",
        "clear",
        "[U+001B][2J[U+0007]",
        "[red]and[/red]",
        "on",
    ]
    columns = [line.index(word) for line, word in zip((lines[0], *lines[-2:]), ("rationale", "all", "b"), strict=True)]
    assert columns[0] == columns[1] == columns[2]


def test_nothing_is_cut_or_rounded_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 3, 1, 2, 3, 4, 166_667)  # noqa: DTZ001
    print_rows(["at", "profile", "reason"], [(at, {"revision": None, "name": "demo"}, "x" * 500)])
    line = capsys.readouterr().out.splitlines()[2]
    assert "2026-03-01 02:03:04.166 " in line
    assert '{"revision": null, "name": "demo"}' in line
    assert line.endswith("x" * 500)


def test_what_a_terminal_has_no_room_for_is_wrapped_and_ids_stay_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "70")
    event = "613e0191-ba8e-5d8c-b1f1-08c93f6e7903"
    print_rows(["event", "reason"], [(event, "word " * 40)])
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()  # bold letters of the head
    assert all(len(line) <= 70 for line in lines)
    assert sum(event in line for line in lines) == 1
    assert sum(line.count("word") for line in lines) == 40


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["a"], [])
    assert "(0 rows)" in capsys.readouterr().out


def instance(task_id: str, state: str | None, start: str | None = None) -> dict[str, Any]:
    return {"task_id": task_id, "state": state, "start_date": start}


def test_progress_counts_mapped_tasks_and_keeps_the_order_they_started_in() -> None:
    line = runs._describe(
        [
            instance("plan_units", "success", "2026-03-01T00:00:00Z"),
            instance("scan_unit", "success", "2026-03-01T00:00:05Z"),
            instance("scan_unit", "failed", "2026-03-01T00:00:06Z"),
            instance("scan_unit", "running", "2026-03-01T00:00:07Z"),
            instance("scan_unit", None),
            instance("summarize", None),
        ]
    )
    assert line == "plan_units: success  |  scan_unit: 2/4 done, 1 failed, 1 running  |  summarize: waiting"


def test_nothing_is_said_before_anything_happened() -> None:
    assert runs._describe([]) == ""
    assert runs._describe([instance("plan_units", None)]) == ""
