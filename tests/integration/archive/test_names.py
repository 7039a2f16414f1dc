"""The names that forms propose: as the database has them, and nothing that could stop a form from being shown."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from anyanomaly_core.archive.names import KnownNames, read_names, write_names
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.profile import builtin_profiles
from anyanomaly_core.results.rule_store import set_state


def test_what_is_written_is_what_rules_there_are(engine: Engine, tmp_path: Path) -> None:
    rules, state = tmp_path / "rules", tmp_path / "a state" / "folder"
    rules.mkdir()
    (rules / "falls.yaml").write_text("texts: [a person falling]\nthreshold: 0.5\n")
    (rules / "dog.yaml").write_text("texts: [a dog]\nthreshold: 0.5\nprofile: /profiles/night.yaml\n")
    (rules / "old.yaml").write_text("texts: [a horse]\nthreshold: 0.5\nprofile: /profiles/old.yaml\n")
    apply_rule_files(engine, rules, author="test")
    with engine.begin() as connection:
        set_state(connection, "falls", "paused")  # may be backfilled
        set_state(connection, "old", "retired")
    write_names(engine, state)
    profiles = tuple(sorted([*builtin_profiles(), "/profiles/night.yaml"]))
    assert read_names(state) == KnownNames(rules=("dog", "falls"), profiles=profiles)
    assert [path.name for path in state.iterdir()] == ["names.json"]


@pytest.mark.parametrize("written", [None, "", "[]", '{"rules": 7, "profiles": []}', "{", "null"])
def test_a_damaged_file_proposes_no_rules(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / "names.json").write_text(written)
    assert read_names(tmp_path) == KnownNames(profiles=tuple(builtin_profiles()))


def test_a_folder_that_cannot_be_written_to_stops_nothing(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    write_names(engine, tmp_path / "file")
    assert "was not written" in caplog.text
