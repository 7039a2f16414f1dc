"""The ZIP format of bundles, above the border of 4 GiB too, as other programs read it."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.evidence import zip_format
from anyanomaly_core.review.evidence.zip_format import Entry, has_no_other_bytes, write

CONTENTS = {
    "manifest.json": b"{}" * 300,
    "a/clip.mp4": bytes(range(256)) * 20,
    "a/empty.txt": b"",
    "README.txt": b"x" * 1999,
}


def entries(path: Path) -> list[Entry]:
    with zipfile.ZipFile(path) as archive:
        return [Entry(info.filename, info.file_size, info.CRC) for info in archive.infolist()]


@pytest.fixture(params=[0xFFFFFFFF, 2000, 600], ids=["small", "some entries large", "most entries large"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ZIP as above 4 GiB, but with the border elsewhere, so that sizes and offsets on both sides of it occur."""
    monkeypatch.setattr(zip_format, "_BORDER", request.param)
    path = tmp_path / "bundle.zip"
    write(path, list(CONTENTS.items()))
    assert (b"PK\x06\x06" in path.read_bytes()) == (request.param < 0xFFFFFFFF)
    return path


def test_other_programs_read_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS
    if shutil.which("unzip") is not None:
        subprocess.run(["unzip", "-tqq", str(bundle)], check=True)


def test_a_byte_changed_outside_the_contents_is_noticed(bundle: Path, tmp_path: Path) -> None:
    known = entries(bundle)
    assert has_no_other_bytes(bundle, known)
    content = bundle.read_bytes()
    changed = tmp_path / "changed.zip"
    for place in [*range(30), *range(content.index(b"PK\x01\x02"), len(content))]:
        changed.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert not has_no_other_bytes(changed, known), place


def test_more_entries_than_a_bundle_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="export fewer events"):
        write(tmp_path / "x.zip", [(str(number), b"") for number in range(65_535)])
    assert not (tmp_path / "x.zip").exists()
