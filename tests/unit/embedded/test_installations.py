"""Installations are found by the names people give them, and never the wrong one."""

from pathlib import Path

import pytest

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.embedded.installations import (
    choose_installation,
    default_installation,
    find_installation,
    list_installations,
    name_installation,
    remove_installation,
    set_default,
)
from anyanomaly_core.errors import ConfigurationError


def made(local: Path, *names: str) -> list[Installation]:
    for name in names:
        Installation(local / name).configure({"ARCHIVE_ROOT": f"/archives/{name}"})
    return [Installation(local / name) for name in names]


def test_without_a_name_the_only_one_is_meant_and_later_the_default(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make scan"):
        choose_installation(tmp_path)
    [demo] = made(tmp_path, "demo")
    assert choose_installation(tmp_path) == demo
    [yard] = made(tmp_path, "yard-8d4d2d")
    with pytest.raises(ConfigurationError, match="several installations: demo, yard-8d4d2d"):
        choose_installation(tmp_path)
    set_default(tmp_path, yard)
    assert choose_installation(tmp_path) == yard
    assert choose_installation(tmp_path, "demo") == demo


def test_a_name_that_was_given_means_the_same_as_the_folders(tmp_path: Path) -> None:
    demo, yard = made(tmp_path, "demo", "yard-8d4d2d")
    name_installation(tmp_path, yard, "yard")
    assert yard.name == "yard"
    assert find_installation(tmp_path, "yard") == find_installation(tmp_path, "yard-8d4d2d") == yard
    for bad in ("demo", "Yard", "a b", "", "../x"):
        with pytest.raises(ConfigurationError):
            name_installation(tmp_path, yard, bad)
    with pytest.raises(ConfigurationError, match="called 'yard-8d4d2d'"):
        name_installation(tmp_path, demo, "yard-8d4d2d")
    with pytest.raises(ConfigurationError, match="did you mean 'yard'"):
        find_installation(tmp_path, "yrad")


def test_removing_one_leaves_the_others_and_the_footage(tmp_path: Path) -> None:
    demo, yard = made(tmp_path, "demo", "yard-8d4d2d")
    set_default(tmp_path, yard)
    (yard.folder / "parquet").mkdir()
    (yard.folder / "parquet" / "x.parquet").write_text("x")
    footage = tmp_path / "footage.mp4"
    footage.write_text("x")
    (yard.folder / "link").symlink_to(footage)
    remove_installation(tmp_path, yard)
    assert list_installations(tmp_path) == [demo]
    assert not yard.folder.exists()
    assert default_installation(tmp_path) is None
    assert footage.exists()
