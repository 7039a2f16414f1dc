"""Footage in a bucket: copied to this machine, and stores that misbehave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from anyanomaly_core.errors import BucketError
from anyanomaly_core.footage.bucket import fetch
from anyanomaly_core.footage.sources import discover

LAYOUT = "{camera}/{date}/{time}.{ext}"


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {".locks"}


class Moody(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store whose client library raises errors of its own kind, as botocore and aiohttp do."""

    protocol = "moody"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    fails: ClassVar[str] = ""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401
        if name == type(self).fails:
            raise Forbidden(f"An error occurred (AccessDenied) when calling {name}")
        return super().__getattribute__(name)


class Forbidden(Exception):  # noqa: N818  (named as a client library would)
    """Not an OSError."""


@pytest.fixture
def moody() -> Iterator[str]:
    fsspec.register_implementation("moody", Moody, clobber=True)
    Moody.fails = ""
    fsspec.filesystem("moody").pipe_file("moody://b/gate/x.mp4", b"12345678")
    yield "moody://b"
    Moody.fails = ""


@pytest.mark.parametrize("fails", ["info", "open"])
def test_any_error_of_a_store_names_file_and_next_step(moody: str, fails: str, tmp_path: Path) -> None:
    Moody.fails = fails
    with pytest.raises(BucketError, match=r"'gate/x.mp4' cannot be copied from moody.*AccessDenied.*credentials"):
        fetch(moody, "gate/x.mp4", tmp_path, 100)
    assert names(tmp_path) == set()
    Moody.fails = ""
    assert fetch(moody, "gate/x.mp4", tmp_path, 100).read_bytes() == b"12345678"


def test_a_bucket_that_cannot_be_listed_or_opened_says_so(moody: str) -> None:
    Moody.fails = "walk"
    with pytest.raises(BucketError, match=r"moody://b cannot be listed: Forbidden: .*AccessDenied"):
        list(discover(moody, LAYOUT, "UTC"))
    with pytest.raises(BucketError, match="nostore://b cannot be opened"):
        list(discover("nostore://b", LAYOUT, "UTC"))


def test_a_sidecar_that_cannot_be_read_is_the_files_problem(moody: str) -> None:
    Moody.fails = "cat_file"
    (file,) = discover(moody, LAYOUT, "UTC")
    assert "gate/x.mp4.json' cannot be read" in str(file.problem)


def test_what_is_not_there_is_said_as_such(moody: str, tmp_path: Path) -> None:
    with pytest.raises(BucketError, match=r"'gate/y.mp4' cannot be copied.*not there.*Run the ingest"):
        fetch(moody, "gate/y.mp4", tmp_path, 100)
    with pytest.raises(BucketError, match=r"x.mp4' cannot be copied.*has 8 bytes"):
        fetch(moody, "gate/x.mp4", tmp_path, 7)


def test_an_object_that_is_shorter_than_announced_is_no_copy(
    moody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = Moody.info
    monkeypatch.setattr(Moody, "info", lambda self, path: {**announced(self, path), "size": 9})
    with pytest.raises(BucketError, match="8 bytes came and 9 were announced"):
        fetch(moody, "gate/x.mp4", tmp_path, 100)
    assert names(tmp_path) == set()
