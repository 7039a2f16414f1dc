"""Footage in a bucket: a cache that never exceeds its limit or loses what is in use, and stores that misbehave."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import BucketError, FootageError
from anyanomaly_core.footage.bucket import fetch
from anyanomaly_core.footage.copies import Copies
from anyanomaly_core.footage.sources import discover

LAYOUT = "{camera}/{date}/{time}.{ext}"


def copy(cache: Path, name: str, size: int, limit: int) -> Path:
    return Copies(cache, limit).get(name, size, lambda file: file.write(name[0].encode() * size))  # type: ignore[arg-type, return-value]


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {"lock"}


def test_what_is_in_use_is_never_removed(tmp_path: Path) -> None:
    used = copy(tmp_path, "a", 6, 10)
    copy(tmp_path, "b", 4, 10)
    copy(tmp_path, "c", 4, 10)  # b made room, though a was used longer ago
    assert names(tmp_path) == {"a", "c"}
    with pytest.raises(FootageError, match="leave no room for 7 bytes; raise ANYANOMALY_FOOTAGE_CACHE_MB"):
        copy(tmp_path, "d", 7, 10)
    assert used.read_bytes() == b"aaaaaa"
    del used
    gc.collect()
    assert copy(tmp_path, "d", 7, 10).read_bytes() == b"d" * 7
    assert names(tmp_path) == {"d"}


def test_what_another_process_uses_stays(tmp_path: Path) -> None:
    code = f"""import sys; from pathlib import Path; from anyanomaly_core.footage.copies import Copies
path = Copies(Path({str(tmp_path)!r}), 10).get("a", 6, lambda file: file.write(b"a" * 6))
print("here", flush=True); sys.stdin.read()"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    with pytest.raises(FootageError, match="in use"):
        copy(tmp_path, "b", 6, 10)
    child.communicate("")
    assert copy(tmp_path, "b", 6, 10).exists()
    assert names(tmp_path) == {"b"}


def test_an_object_larger_than_the_cache_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    copy(tmp_path, "a", 6, 10)
    with pytest.raises(FootageError, match=r"has 11 bytes.*may have 10; raise ANYANOMALY_FOOTAGE_CACHE_MB"):
        copy(tmp_path, "b", 11, 10)
    assert names(tmp_path) == {"a"}


def test_the_unfinished_copy_of_a_dead_process_goes_first(tmp_path: Path) -> None:
    copy(tmp_path, "a", 3, 10)
    (tmp_path / "x.1-ab.part").write_bytes(b"x" * 5)
    copy(tmp_path, "b", 4, 10)
    assert names(tmp_path) == {"a", "b"}


def test_a_copy_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="2 bytes came and 3 were announced"):
        Copies(tmp_path, 10).get("a", 3, lambda file: file.write(b"aa"))  # type: ignore[arg-type, return-value]
    assert names(tmp_path) == set()


def test_many_at_once_never_exceed_the_limit(tmp_path: Path) -> None:
    def one(number: int) -> bool:
        name = f"{number % 7}"
        try:
            return copy(tmp_path, name, 3 + number % 7, 40).read_bytes() == name.encode() * (3 + number % 7)
        except FootageError:
            return True  # all in use at that moment

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(200)))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40


@given(wanted=st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=30))
def test_bound_and_content_hold_in_any_order(
    wanted: list[tuple[str, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache, held = tmp_path_factory.mktemp("cache"), {}
    for name, keep in wanted:
        size = ord(name) - ord("a") + 1
        try:
            path = copy(cache, name, size, 12)
        except FootageError:
            assert sum(ord(other) - ord("a") + 1 for other in held if other != name) + size > 12
            continue
        assert path.read_bytes() == name.encode() * size
        if keep:
            held[name] = path
        elif name in held:
            del held[name]
        del path
        assert sum(file.stat().st_size for file in cache.iterdir()) <= 12
        assert all(kept.exists() for kept in held.values())


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
