"""Bundles that somebody made up: refused before anything in them is read."""

import zipfile
from pathlib import Path

import pytest

from anyanomaly_core.review.evidence.verify import verify
from anyanomaly_core.review.evidence.zip_format import write


def hostile(
    path: Path, name: str, *, compress: int = zipfile.ZIP_STORED, content: bytes = b"x", flags: int = 0
) -> Path:
    with zipfile.ZipFile(path, "w", compress) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, compress_type=compress)
        if flags:
            archive.infolist()[0].flag_bits |= flags
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../up.txt",
        "/etc/passwd",
        "a/../../b",
        "C:\\x",
        "a\\b",
        "\u202egnp.exe",
        "a//b",
        ".hidden",
        "a/",
        "x" * 300,
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    [problem, *_] = verify(hostile(tmp_path / "h.zip", name)).problems
    assert problem.startswith("Refused: ") or "no ZIP" in problem
    assert "\u202e" not in problem


def test_a_name_with_a_zero_byte_is_refused(tmp_path: Path) -> None:
    path = hostile(tmp_path / "h.zip", "nulXl")
    path.write_bytes(path.read_bytes().replace(b"nulXl", b"nul\x00l"))
    assert verify(path).problems[0].startswith("Refused: ")


def test_bombs_are_refused_unread(tmp_path: Path) -> None:
    bomb = hostile(tmp_path / "b.zip", "manifest.json", compress=zipfile.ZIP_DEFLATED, content=bytes(50 << 20))
    assert bomb.stat().st_size < 100_000
    assert verify(bomb).problems[0] == (
        "Refused: the entry 'manifest.json' is compressed or locked; no bundle has such entries."
    )
    locked = hostile(tmp_path / "l.zip", "manifest.json", flags=1)
    assert verify(locked).problems[0].startswith("Refused: ")


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    content = bytes(1000)
    write(tmp_path / "one.zip", [("a.txt", content), ("b.txt", content)])
    whole = bytearray((tmp_path / "one.zip").read_bytes())
    second = whole.rindex(b"PK\x01\x02")
    whole[second + 42 : second + 46] = bytes(4)  # b.txt lies where a.txt does
    (tmp_path / "two.zip").write_bytes(whole)
    assert verify(tmp_path / "two.zip").problems


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"no zip at all" * 100])
def test_what_is_no_bundle_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert verify(tmp_path / "x.zip").problems
