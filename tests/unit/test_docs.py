"""The pages a person reads first name only files that exist and commands that make knows."""

import re
import subprocess
from pathlib import Path

import pytest

from anyanomaly_core.cli.page import render_cli_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PATH = re.compile(r"(?:dags|tasks|anyanomaly_core|sql|tests|docs|\.ci)/[\w./-]*|docker-compose\.yml|pyproject\.toml")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
MAKE = re.compile(r"(?:^|`)make ([a-z0-9-]+)", flags=re.MULTILINE)


def tracked() -> set[str]:
    """Files and folders of the repository; of the working copy where git does not answer."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return {str(found.relative_to(ROOT)) for found in ROOT.rglob("*")}
    files = [Path(line) for line in listed.stdout.splitlines()]
    return {str(path) for file in files for path in (file, *file.parents)}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    words = [word for code in CODE.findall(text) for word in code.split()]
    named = {word.rstrip("/.,;:") for word in words if PATH.fullmatch(word)}
    assert named <= tracked()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_command_of_a_page_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))
    assert set(MAKE.findall(page.read_text(encoding="utf-8"))) <= targets


def test_commands_are_written_so_that_they_run_when_pasted() -> None:
    """Nobody has `anyanomaly` on the path who did not put it there."""
    wrong = []
    for page in PAGES:
        code = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        wrong += [
            f"{page.name}: {line}" for block in code for line in block.splitlines() if re.match(r"anyanomaly ", line)
        ]
    assert not wrong


def test_the_page_of_commands_is_current() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == render_cli_page(), "`make docs` writes it anew"
