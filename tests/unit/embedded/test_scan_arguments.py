"""``make scan`` with something missing says what, before anything is started."""

from pathlib import Path

import pytest

from anyanomaly_core.embedded import scan
from anyanomaly_core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("footage", "rules", "said"),
    [
        ("", "", "FOOTAGE is not given"),
        ("{here}", "", "RULES is not given"),
        ("{here}/nowhere", "{here}", "FOOTAGE=.*nowhere is not a folder"),
        ("{here}", "{here}/a.yaml", "RULES=.*a.yaml is not a folder"),
    ],
)
def test_a_folder_that_is_missing_is_named(tmp_path: Path, footage: str, rules: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text("name: a")
    with pytest.raises(ConfigurationError, match=said):
        scan.run(tmp_path / "local", footage.format(here=tmp_path), rules.format(here=tmp_path), "demo")
    assert not (tmp_path / "local").exists()
