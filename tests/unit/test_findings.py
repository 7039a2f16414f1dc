"""The findings are listed, short, and say what they must; they are run by hand, not here."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "findings"
SCRIPTS = sorted(file for file in FOLDER.glob("*.sh") if file.name != "lib.sh")


def test_the_index_names_every_script() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in SCRIPTS if f"]({file.name})" not in index] == []
    assert index.count("](") == len(SCRIPTS)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_a_script_states_version_behaviour_source_and_output(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) < 60
    assert [what for what in ("# Version: ", "Source: ", "# Behaviour: ", "# Output seen ") if what not in text] == []
    assert "==" in text, "packages are pinned"
    assert "anyanomaly" not in text, "a finding runs without this product"
