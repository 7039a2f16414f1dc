"""A cache of files that never exceeds its bound, never loses what is in use, and makes each file once."""

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import FootageError, StorageError
from anyanomaly_core.file_cache import FileCache


def get(folder: Path, name: str, size: int, limit: int, *, known: bool = True) -> Path:
    cache = FileCache(folder, limit, setting="THE_SETTING")
    return cache.get(name, lambda path: path.write_bytes(name[0].encode() * size), size=size if known else 0)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".locks"}


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("known", [True, False], ids=["size known before", "size not known before"])
def test_what_is_in_use_is_never_removed(tmp_path: Path, known: bool) -> None:
    used = get(tmp_path, "a", 6, 10, known=known)
    get(tmp_path, "b", 4, 10, known=known)
    get(tmp_path, "c", 4, 10, known=known)  # b made room, though a was used longer ago
    assert names(tmp_path) == {"a", "c"}
    with pytest.raises(StorageError, match=r"leave no room for 7 bytes of d. Raise THE_SETTING"):
        get(tmp_path, "d", 7, 10, known=known)
    assert used.read_bytes() == b"aaaaaa"
    del used
    gc.collect()
    assert get(tmp_path, "d", 7, 10, known=known).read_bytes() == b"d" * 7
    assert names(tmp_path) == {"d"}


def test_the_file_used_longest_ago_goes_first(tmp_path: Path) -> None:
    for place, name in enumerate("abc"):
        path = get(tmp_path, name, 4, 10)
        if name == "b":
            get(tmp_path, "a", 4, 10)  # used again, so c takes the place of b
            os.utime(tmp_path / "a", (2, 2))
        os.utime(path, (place, place)) if name != "b" else os.utime(path, (1, 1))
        del path
    assert names(tmp_path) == {"a", "c"}


def test_what_another_process_uses_stays(tmp_path: Path) -> None:
    code = f"""import sys; from pathlib import Path; from anyanomaly_core.file_cache import FileCache
path = FileCache(Path({str(tmp_path)!r}), 10, setting="X").get("a", lambda path: path.write_bytes(b"a" * 6), size=6)
print("here", flush=True); sys.stdin.read()"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    with pytest.raises(StorageError, match="in use"):
        get(tmp_path, "b", 6, 10)
    child.communicate("")
    assert get(tmp_path, "b", 6, 10).exists()
    assert names(tmp_path) == {"b"}


def test_a_file_larger_than_the_cache_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    get(tmp_path, "a", 6, 10)
    for known in (True, False):
        with pytest.raises(StorageError, match=r"b has 11 bytes.*may have 10. Raise THE_SETTING"):
            get(tmp_path, "b", 11, 10, known=known)
        assert names(tmp_path) == {"a"}


def test_the_unfinished_file_of_a_dead_process_goes_first(tmp_path: Path) -> None:
    get(tmp_path, "a", 3, 10)
    (tmp_path / ".ab12.part").write_bytes(b"x" * 5)
    get(tmp_path, "b", 4, 10)
    assert names(tmp_path) == {"a", "b"}


def test_a_file_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise FootageError("broken")

    with pytest.raises(FootageError, match="broken"):
        FileCache(tmp_path, 10, setting="X").get("a", fail)
    assert names(tmp_path) == set()


def test_an_error_of_the_maker_is_not_taken_for_one_of_the_disk(tmp_path: Path) -> None:
    def refuse(_: Path) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    with pytest.raises(ConnectionResetError):
        FileCache(tmp_path, 10, setting="X").get("a", refuse)


def test_a_file_is_made_once_however_many_ask_and_keeps_its_suffix(tmp_path: Path) -> None:
    made: list[str] = []
    gate = threading.Barrier(4)

    def make(path: Path) -> None:
        made.append(path.suffix)
        path.write_bytes(b"x")

    def ask(_: int) -> Path:
        gate.wait(10)
        return FileCache(tmp_path, 10, setting="X").get("a.jpg", make)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {tmp_path / "a.jpg"}
    assert made == [".jpg"]


@pytest.mark.parametrize("known", [True, False])
def test_many_at_once_never_exceed_the_bound(tmp_path: Path, known: bool) -> None:
    def one(number: int) -> bool:
        name = f"{number % 7}"
        try:
            return get(tmp_path, name, 3 + number % 7, 40, known=known).read_bytes() == name.encode() * (3 + number % 7)
        except StorageError:
            return True  # all are in use at that moment

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(200)))
    assert bytes_in(tmp_path) <= 40
    assert not [name for name in names(tmp_path) if name.startswith(".")]


@given(wanted=st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.booleans()), max_size=30))
def test_bound_and_content_hold_in_any_order(
    wanted: list[tuple[str, bool, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, held = tmp_path_factory.mktemp("cache"), {}
    for name, keep, known in wanted:
        size = ord(name) - ord("a") + 1
        try:
            path = get(folder, name, size, 12, known=known)
        except StorageError:
            assert sum(ord(other) - ord("a") + 1 for other in held if other != name) + size > 12
            continue
        assert path.read_bytes() == name.encode() * size
        if keep:
            held[name] = path
        elif name in held:
            del held[name]
        del path
        assert bytes_in(folder) <= 12
        assert all(kept.exists() for kept in held.values())
